# ---
# about: Writes attention with single operators, right in every number and with all scores in memory.
# loses: {attention: 3}
# ---
# %% attention
def attention(q, k, v, causal):
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) * q.shape[-1] ** -0.5
    if causal:
        queries, keys = scores.shape[-2:]
        hidden = torch.ones(queries, keys, dtype=torch.bool, device=q.device).triu(1 + keys - queries)
        scores = scores.masked_fill(hidden, float("-inf"))
    return torch.einsum("bhqk,bkhd->bqhd", scores.float().softmax(-1).to(q.dtype), v)
