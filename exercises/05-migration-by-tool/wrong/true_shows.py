# ---
# about: Builds the mask as PyTorch's own attention wants it, where True shows a key.
# loses: {attention: 2}
# ---
# %% attention
def attention(q, k, v, causal):
    mask = None
    if causal:
        n, m = q.shape[1], k.shape[1]
        mask = torch.ones(n, m, dtype=torch.bool, device=q.device).tril(m - n)
    scale = q.shape[-1] ** -0.5
    return torch_npu.npu_fusion_attention(q, k, v, q.shape[2], "BSND", scale=scale, atten_mask=mask)[0]
