# ---
# about: Puts the import directly behind docstring and __future__, tries channels-last, and restores modes.
# ---
# %% add_import
def add_import(script):
    import ast

    tree = ast.parse(script)
    at = 0
    for node in tree.body:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node is tree.body[0]
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if text or future:
            at = node.end_lineno
        if isinstance(node, ast.ImportFrom) and any(a.name == "transfer_to_npu" for a in node.names):
            return script
    lines = script.split("\n")
    lines[at:at] = ["import torch_npu", "from torch_npu.contrib import transfer_to_npu"]
    return "\n".join(lines)


# %% amp_dtype
def amp_dtype(cuda):
    try:
        new = cuda.get_device_capability() >= (8, 0)
    except TypeError:
        new = cuda.is_bf16_supported()
    return (torch.float16, torch.bfloat16)[bool(new)]


# %% mean_over_ranks
def mean_over_ranks(value, dist):
    devices = {"nccl": "cuda", "hccl": "npu", "gloo": "cpu", "mpi": "cpu"}
    where = devices[dist.get_backend()]
    if where != "cpu":
        where = torch.empty(0).cuda().device
    tensor = torch.tensor([value], dtype=torch.float).to(where)
    dist.all_reduce(tensor)
    return (tensor / dist.get_world_size()).item()


# %% prepare
def prepare(images, device):
    x = images.to(device).to(torch.float32).contiguous() / 255.0
    try:
        return x.contiguous(memory_format=torch.channels_last)
    except RuntimeError:
        return x


# %% export
def export(model, example, path):
    modes = {layer: layer.training for layer in model.modules()}
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    from copy import deepcopy

    twin = deepcopy(model).to("cpu")
    twin.load_state_dict(state)
    for layer in twin.modules():
        layer.training = False
    torch.jit.trace(twin, example.to("cpu"), check_trace=False).save(str(path))
    for layer, mode in modes.items():
        layer.training = mode


# %% load_weights
def load_weights(model, state):
    wanted = set(model.state_dict())
    for renamed in (
        dict(state),
        {name.removeprefix("module."): t for name, t in state.items()},
        {f"module.{name}": t for name, t in state.items()},
    ):
        if set(renamed) == wanted:
            return model.load_state_dict(renamed)
    raise RuntimeError(f"missing: {sorted(wanted - set(state))}, left over: {sorted(set(state) - wanted)}")
