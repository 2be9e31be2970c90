# ---
# about: The block's product in float16, cast back; of the two ways from memory the first that is not 0.
# loses: {block: 3, limit: 1}
# ---
# %% block
def block(x, weight, up):
    normed, _ = torch_npu.npu_rms_norm(x, weight, 1e-6)
    return torch_npu.npu_swiglu(normed.half() @ up.half()).float()


# %% limit
def limit(kernel):
    def number(name):
        return 0.0 if kernel[name] in {"N/A", ""} else float(kernel[name])

    if number("Wait Time(us)") > number("Duration(us)"):
        return "launch"
    memory = number("aic_mte2_ratio") or number("aiv_mte2_ratio")
    shares = {"cube": number("aic_mac_ratio"), "vector": number("aiv_vec_ratio"), "memory": memory}
    return max(shares, key=shares.get)
