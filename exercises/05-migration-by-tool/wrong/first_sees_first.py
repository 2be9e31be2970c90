# ---
# about: Lets the first query see the first key only, however many keys there are.
# loses: {attention: 1}
# ---
# %% attention
def attention(q, k, v, causal):
    mask = None
    if causal:
        mask = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device).triu(1)
    scale = q.shape[-1] ** -0.5
    return torch_npu.npu_fusion_attention(q, k, v, q.shape[2], "BSND", scale=scale, atten_mask=mask)[0]
