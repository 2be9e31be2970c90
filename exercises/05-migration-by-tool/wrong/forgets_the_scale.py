# ---
# about: Leaves the scale at 1.0, which flash attention sets by itself.
# loses: {attention: 3}
# ---
# %% attention
def attention(q, k, v, causal):
    mask = None
    if causal:
        n, m = q.shape[1], k.shape[1]
        mask = torch.ones(n, m, dtype=torch.bool, device=q.device).triu(1 + m - n)
    return torch_npu.npu_fusion_attention(q, k, v, q.shape[2], "BSND", atten_mask=mask)[0]
