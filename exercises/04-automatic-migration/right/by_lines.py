# ---
# about: Works on lines and the tokenizer, asks tensors, moves the network to the host and back.
# ---
# %% add_import
def add_import(script):
    import io
    import tokenize

    new = ["import torch_npu\n", "from torch_npu.contrib import transfer_to_npu\n"]
    lines = script.splitlines(keepends=True)
    if new[1] in lines:
        return script
    begin = True
    for token in tokenize.generate_tokens(io.StringIO(script).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        if begin and token.string in ("import", "from") and token.start[1] == 0:
            words = token.line.replace(",", " ").replace(".", " ").split()
            if (words[0] == "from" and words[1] == "torch") or (words[0] == "import" and "torch" in words):
                row = token.start[0] - 1
                return "".join(lines[:row]) + "".join(new) + "".join(lines[row:])
        begin = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    return script


# %% amp_dtype
def amp_dtype(cuda):
    capability = cuda.get_device_capability()
    if capability:
        return torch.bfloat16 if capability[0] >= 8 else torch.float16
    return torch.bfloat16 if cuda.is_bf16_supported() else torch.float16


# %% mean_over_ranks
def mean_over_ranks(value, dist):
    on_host = dist.get_backend() in ("gloo", "mpi")
    t = torch.full((1,), value, dtype=torch.float32)
    t = t if on_host else t.cuda()
    dist.all_reduce(t, op=dist.ReduceOp.SUM)
    t /= dist.get_world_size()
    return float(t)


# %% prepare
def prepare(images, device):
    on_host = images.to(torch.float32).div(255)
    moved = on_host.contiguous().to(device)
    return moved if moved.is_npu else moved.to(memory_format=torch.channels_last)


# %% export
def export(model, example, path):
    import io

    memory = io.BytesIO()
    torch.save(model, memory)
    memory.seek(0)
    copy = torch.load(memory, map_location="cpu", weights_only=False)
    copy.eval()
    with torch.no_grad():
        traced = torch.jit.trace(copy, (example.detach().to("cpu"),))
    torch.jit.save(traced, path)


# %% load_weights
def load_weights(model, state):
    wanted = list(model.state_dict())
    for change in (str, lambda n: "module." + n, lambda n: n.removeprefix("module.")):
        renamed = {change(name): tensor for name, tensor in state.items()}
        if sorted(renamed) == sorted(wanted):
            model.load_state_dict(renamed)
            return
    raise KeyError(f"{sorted(state)} do not fit {sorted(wanted)}")
