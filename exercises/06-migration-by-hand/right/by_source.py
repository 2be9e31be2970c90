# ---
# about: Catches what is missing, walks by named_modules, visits nodes, and patches the library for good.
# ---
# %% pick_device
def pick_device(torch, wanted=None):
    seen = {}
    for kind in ["npu", "cuda"]:
        try:
            module = getattr(torch, kind)
            seen[kind] = module.device_count() * bool(module.is_available())
        except AttributeError:
            seen[kind] = 0
    if wanted is None:
        if seen["npu"]:
            return "npu:0"
        return "cuda:0" if seen["cuda"] else "cpu"
    pieces = wanted.split(":")
    if pieces[0] == "cpu":
        return "cpu"
    index = int(pieces[1]) if len(pieces) > 1 else 0
    if not 0 <= index < seen.get(pieces[0], 0):
        raise ValueError(wanted)
    return pieces[0] + ":" + str(index)


# %% adopt_tensors
def adopt_tensors(module):
    for _, sub in module.named_modules():
        for key in list(sub.__dict__):
            tensor = sub.__dict__[key]
            if torch.is_tensor(tensor):
                delattr(sub, key)
                sub.register_buffer(key, tensor, persistent=False)
    return module


# %% resume
def resume(model, optimizer, path):
    device = next(model.parameters()).device
    content = torch.load(path, map_location=device, weights_only=True)
    optimizer.load_state_dict(content["optimizer"])
    model.load_state_dict(content["model"])
    return int(content["epoch"]) + 1


# %% find_silent
def find_silent(source):
    import ast

    found = []

    class Visitor(ast.NodeVisitor):
        def visit_Attribute(self, node):
            if node.attr == "is_cuda":
                found.append((node.lineno, "is_cuda"))
            inner = node.value
            of_cuda = isinstance(inner, ast.Attribute) and inner.attr == "cuda"
            if of_cuda and node.attr in SILENT and getattr(inner.value, "id", "") == "torch":
                found.append((node.lineno, "torch.cuda." + node.attr))
            self.generic_visit(node)

        def visit_Compare(self, node):
            sides = [node.left, *node.comparators]
            for i, op in enumerate(node.ops):
                pair = sides[i : i + 2]
                if type(op).__name__ in ("Eq", "NotEq") and "cuda" in [
                    getattr(p, "value", None) for p in pair
                ]:
                    found.append((node.lineno, "cuda"))
                    break
            self.generic_visit(node)

    Visitor().visit(ast.parse(source))
    found.sort()
    return found


# %% replace_everywhere
def replace_everywhere(old, new):
    total = 0
    for name in sorted(sys.modules):
        module = sys.modules[name]
        if module is None:
            continue
        hits = (
            [key for key in vars(module) if vars(module)[key] is old] if hasattr(module, "__dict__") else []
        )
        for key in hits:
            setattr(module, key, new)
        total += len(hits)
    return total


# %% train
def train(weight, coats, steps, device):
    class Loss(reidkit.MarginLoss):
        def __init__(self, margin):
            nn.Module.__init__(self)
            self.margin = margin

    def nearest(rows, bank):
        return torch.cdist(rows, bank).argmin(1)

    if reidkit.nearest.__module__ == "reidkit":
        reidkit.nearest = nearest
    net = nn.Linear(coats.shape[1], len(weight), bias=False)
    net.load_state_dict({"weight": weight})
    net = net.to(device)
    bank = reidkit.Bank(4 * len(coats), len(weight), device)
    criterion = Loss(0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x = coats.to(device)
    history = torch.zeros(steps, device=device)
    for step in range(steps):
        rows = net(x)
        loss = criterion(rows, bank.coats[reidkit.nearest(rows.detach(), bank.coats)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bank.push(rows.detach())
        history[step] = loss.detach()
    return history.cpu().tolist()
