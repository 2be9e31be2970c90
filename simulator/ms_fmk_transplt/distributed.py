"""From one card to several: `distributed -m MAIN -t MODEL` and the launcher run_distributed_npu.sh.

The training script becomes one process a card: it joins the process group first, wraps its models in
DistributedDataParallel, gives each DataLoader that shuffles a DistributedSampler, and tells the sampler which
epoch it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst
from libcst.metadata import FunctionScope, MetadataWrapper, PositionProvider, Scope, ScopeProvider

from ms_fmk_transplt.convert import DATALOADER
from ms_fmk_transplt.findings import Change, Finding, Findings, Lines
from ms_fmk_transplt.imports import insert_import, is_imported
from ms_fmk_transplt.names import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

JOIN = """\
torch_npu.npu.set_device(int(os.environ["DEVICE_ID"]))
torch.distributed.init_process_group(
    backend="hccl", rank=int(os.environ["RANK_ID"]), world_size=int(os.environ["RANK_SIZE"])
)
"""
WRAP = """\
{model} = torch.nn.parallel.DistributedDataParallel(
    {model}.npu(), device_ids=[torch_npu.npu.current_device()], broadcast_buffers=False
)
"""
LAUNCHER = """\
#!/bin/bash
export MASTER_ADDR=127.0.0.1
export MASTER_PORT=29688
export HCCL_WHITELIST_DISABLE=1

NPUS=($(seq 0 7))
export RANK_SIZE=${#NPUS[@]}
rank=0
for i in "${NPUS[@]}"
do
    export DEVICE_ID=${i}
    export RANK_ID=${rank}
    echo run process ${rank}
    please input your shell script here > output_npu_${i}.log 2>&1 &
    rank=$((rank + 1))
done
wait
"""
DATA_PARALLEL = frozenset({"torch.nn.parallel.DataParallel", "torch.nn.DataParallel"})
DATALOADERS = frozenset({DATALOADER, "torch.utils.data.dataloader.DataLoader"})
TAKEN = re.compile(r"([\w.]+)\.parameters\(\)")
TRAINS = re.compile(r"(?i)optim|\.backward\(")


def _shuffles(call: cst.Call) -> bool:
    """Whether a DataLoader shuffles by itself."""
    given = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
    if "shuffle" not in given or {"sampler", "batch_sampler"} & set(given):
        return False
    return _code(given["shuffle"]) != "False" and ("dataset" in given or call.args[0].keyword is None)


class Loader(NamedTuple):
    """A variable of a DataLoader that shuffles, and where it was made."""

    name: str
    scope: Scope | None

    def seen_from(self, scope: Scope | None) -> bool:
        """Whether a place sees this very variable."""
        if "." in self.name:
            return isinstance(scope, FunctionScope) and "self" in scope
        if scope is None or self.scope is None:
            return False
        return any(assignment.scope is self.scope for assignment in scope[self.name])


class _Loaders(cst.CSTVisitor):
    """Collects the loaders that will be given a sampler."""

    METADATA_DEPENDENCIES = (ScopeProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Loader] = []

    def visit_Assign(self, node: cst.Assign) -> None:
        call, target = node.value, node.targets[0].target
        if not isinstance(call, cst.Call) or not isinstance(target, cst.Name | cst.Attribute):
            return
        scope = self.get_metadata(ScopeProvider, node, None)
        if not isinstance(call.func, cst.Name | cst.Attribute) or not _shuffles(call):
            return
        found = resolve(call.func, scope)
        if found is not None and found.name in DATALOADERS:
            self.found.append(Loader(_code(target), scope))


def _starts(node: cst.If) -> bool:
    """Whether this is `if __name__ == "__main__":`."""
    return cst.Module([]).code_for_node(node.test).replace("'", '"') == '__name__ == "__main__"'


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


class Distribute(cst.CSTTransformer):
    """Turns a training script for one card into one for several."""

    METADATA_DEPENDENCIES = (PositionProvider, ScopeProvider)

    def __init__(self, models: Sequence[str], loaders: Sequence[Loader]) -> None:
        super().__init__()
        self.models = models
        self.loaders = loaders
        self.changes: list[Change] = []
        self.wrapped: set[str] = set()
        self.told: set[str] = set()  # loaders whose sampler is told the epoch
        self._joined = False
        self._branches: dict[str, set[cst.CSTNode]] = {model: set() for model in models}

    def _note(self, node: cst.CSTNode, operation: str, message: str) -> None:
        place = self.get_metadata(PositionProvider, node)
        self.changes.append(Change(Lines(place.start.line, place.end.line), operation, message))

    def _places(self, statement: cst.SimpleStatementLine, model: str) -> bool:
        """Whether a statement makes or moves a model: `model = ...`, `model.npu()`, `model.to(device)`."""
        if len(statement.body) != 1:
            return False
        code = statement.body[0]
        if isinstance(code, cst.Assign) and len(code.targets) == 1:
            target = code.targets[0].target
            targets = [e.value for e in target.elements] if isinstance(target, cst.Tuple) else [target]
            return model in map(_code, targets) and _code(code.value) != "None"
        if isinstance(code, cst.Expr) and isinstance(code.value, cst.Call):
            function = code.value.func
            return (
                isinstance(function, cst.Attribute)
                and _code(function.value) == model
                and function.attr.value in {"npu", "cuda", "to"}
            )
        return False

    def _within(self, statement: cst.CSTNode, model: str) -> bool:
        """Whether a statement, or a branch of it, makes or moves a model."""
        if isinstance(statement, cst.If):
            branches = [*statement.body.body, *([] if statement.orelse is None else [statement.orelse])]
            return any(self._within(branch, model) for branch in branches)
        if isinstance(statement, cst.Else):
            return any(self._within(branch, model) for branch in statement.body.body)
        return isinstance(statement, cst.SimpleStatementLine) and self._places(statement, model)

    def _wrap(
        self, block: cst.CSTNode, old: Sequence[cst.BaseStatement], new: Sequence[cst.BaseStatement]
    ) -> list[cst.BaseStatement] | None:
        """Wrap each model after the last statement that makes or moves it, before an optimizer takes it."""
        after: dict[int, list[str]] = {}
        for model in self.models:
            if model not in self.wrapped and block not in self._branches.get(model, ()):
                last = self._last(old, model)
                if last is not None and len(old) == len(new):
                    after.setdefault(last, []).append(model)
        if not after:
            return None
        body: list[cst.BaseStatement] = []
        for number, statement in enumerate(new):
            body.append(statement)
            for model in after.get(number, ()):
                self.wrapped.add(model)
                self._note(old[number], "INSERT", f"wrap {model} in DistributedDataParallel")
                body.extend(cst.parse_module(WRAP.format(model=model)).body)
        return body

    def _last(self, old: Sequence[cst.BaseStatement], model: str) -> int | None:
        places = [number for number, statement in enumerate(old) if self._within(statement, model)]
        if not places:
            return None
        last = places[0]
        for number in range(last + 1, len(old)):
            if TRAINS.search(_code(old[number])):
                break
            if number in places:
                last = number
        return last

    def visit_If(self, node: cst.If) -> None:
        """A branch is no place to wrap the model in: other branches make it too."""
        for branches in self._branches.values():
            if not _starts(node):
                branches.add(node.body)
            if isinstance(node.orelse, cst.Else):
                branches.add(node.orelse.body)

    def visit_For(self, node: cst.For) -> None:
        """A loop is a place to wrap the model in only where it makes one each time round."""
        self._loop(node.body)

    def visit_While(self, node: cst.While) -> None:
        """As with `for`."""
        self._loop(node.body)

    def _loop(self, body: cst.BaseSuite) -> None:
        for model, branches in self._branches.items():
            lines = (s for s in body.body if isinstance(s, cst.SimpleStatementLine))
            made = (s.body[0] for s in lines if self._places(s, model))
            name = re.compile(rf"\b{re.escape(model)}\b")
            if all(name.search(_code(line.value)) for line in made if isinstance(line, cst.Assign)):
                branches.add(body)

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.For:
        """Tell the samplers which epoch it is, or every epoch has the same order."""
        target = original_node.target
        epoch = target.elements[0].value if isinstance(target, cst.Tuple) and target.elements else target
        name = _code(epoch)
        if "epoch" not in name.lower() or not isinstance(updated_node.body, cst.IndentedBlock):
            return updated_node
        scope = self.get_metadata(ScopeProvider, original_node, None)
        seen = {loader.name: None for loader in self.loaders if loader.seen_from(scope)}
        lines = [
            line for loader in seen for line in cst.parse_module(f"{loader}.sampler.set_epoch({name})\n").body
        ]
        if not lines:
            return updated_node
        self.told |= set(seen)
        self._note(original_node.target, "INSERT", f"tell the sampler of {', '.join(seen)} the epoch")
        return updated_node.with_changes(
            body=updated_node.body.with_changes(body=[*lines, *updated_node.body.body])
        )

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """Wrap the model where it was made."""
        body = self._wrap(original_node, original_node.body, updated_node.body)
        return updated_node if body is None else updated_node.with_changes(body=body)

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.If:
        """Join the process group first thing under `if __name__ == "__main__":`."""
        if self._joined or not _starts(original_node):
            return updated_node
        if not isinstance(updated_node.body, cst.IndentedBlock):
            return updated_node
        self._joined = True
        self._note(original_node.test, "INSERT", "join the process group with backend hccl")
        body = [*cst.parse_module(JOIN).body, *updated_node.body.body]
        return updated_node.with_changes(body=updated_node.body.with_changes(body=body))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Give a DataLoader that shuffles a DistributedSampler in place of its shuffling; no DataParallel."""
        function = original_node.func
        if not isinstance(function, (cst.Name, cst.Attribute)):
            return updated_node
        root: cst.BaseExpression = function
        while isinstance(root, cst.Attribute):
            root = root.value
        found = resolve(function, self.get_metadata(ScopeProvider, root, None))
        if found is not None and found.name in DATA_PARALLEL and updated_node.args:
            self._note(original_node, "MODIFY", "take DataParallel away: one process a card takes its place")
            return updated_node.args[0].value
        if found is None or found.name not in DATALOADERS:
            return updated_node
        return self._deal(original_node, updated_node)

    def _deal(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if not _shuffles(original_node):
            return updated_node
        given = {arg.keyword.value: arg for arg in updated_node.args if arg.keyword is not None}
        shuffle = given["shuffle"]
        data = given["dataset"] if "dataset" in given else updated_node.args[0]
        self._note(original_node, "MODIFY", "give the DataLoader a DistributedSampler in place of shuffle")
        dataset, again = _twice(data.value)
        sampler = cst.parse_expression(f"torch.utils.data.distributed.DistributedSampler({again})")
        args = [
            arg.with_changes(keyword=cst.Name("sampler"), value=sampler)
            if arg is shuffle
            else arg.with_changes(value=dataset if arg is data else arg.value)
            for arg in updated_node.args
        ]
        return updated_node.with_changes(args=args)

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        """Wrap a model made at the top level; join there where no main block is; add the imports."""
        body = self._wrap(original_node, original_node.body, updated_node.body)
        module = updated_node if body is None else updated_node.with_changes(body=body)
        lines = [name for name in ("os", "torch.distributed", "torch_npu") if not is_imported(module, name)]
        if not self._joined:  # the script's own imports may stand below
            module = module.with_changes(body=[s for s in module.body if not _is_added(s)])
            lines = ["os", "torch.distributed", "torch_npu"]
        code = "".join(f"import {name}\n" for name in lines)
        if not self._joined:
            code += JOIN
            self.changes.append(Change(Lines(1, 1), "INSERT", "join the process group with backend hccl"))
        return insert_import(module, code.rstrip("\n")) if code else module


def _is_added(statement: cst.CSTNode) -> bool:
    """Whether this is the import that the conversion has added, alone on its line."""
    return cst.Module([]).code_for_node(statement) == "import torch_npu\n"


def _twice(dataset: cst.BaseExpression) -> tuple[cst.BaseExpression, str]:
    """A dataset for the DataLoader, and how the sampler, which needs the same one, names it."""
    code = cst.Module([]).code_for_node(dataset)
    if code.replace(".", "").replace("_", "").isalnum():
        return dataset, code
    return cst.parse_expression(f"(loaded := {code})"), "loaded"


class _Inner(cst.CSTTransformer):
    """What DistributedDataParallel has not is asked of the model in it: `model.module.init_hidden()`."""

    METADATA_DEPENDENCIES = (PositionProvider, ScopeProvider)

    def __init__(self, models: Collection[str], known: Collection[str]) -> None:
        super().__init__()
        self.models, self.known = models, known
        self.changed: list[str] = []
        self._wrapped: dict[str, tuple[Scope | None, int]] = {}

    def visit_Assign(self, node: cst.Assign) -> None:
        """Where a model is wrapped."""
        name = _code(node.targets[0].target)
        if name in self.models and _code(node.value).startswith("torch.nn.parallel.DistributedDataParallel("):
            line = self.get_metadata(PositionProvider, node).end.line
            self._wrapped[name] = (self.get_metadata(ScopeProvider, node, None), line)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """Ask the inner model, below the place where it was wrapped."""
        owner = _code(original_node.value) if original_node.attr.value not in self.known else ""
        scope, line = self._wrapped.get(owner, (None, 0))
        if not line or self.get_metadata(PositionProvider, original_node).start.line <= line:
            return updated_node
        root = original_node.value
        here = self.get_metadata(ScopeProvider, root, None) if isinstance(root, cst.Name) else scope
        same = here is scope or (here is not None and any(a.scope is scope for a in here[owner]))
        if not same:
            return updated_node
        self.changed.append(f"{owner}.{original_node.attr.value}")
        return updated_node.with_changes(value=cst.Attribute(updated_node.value, cst.Name("module")))


def distribute(
    source: bytes, models: Sequence[str], known: Collection[str], found: Findings
) -> tuple[bytes, list[str]]:
    """Convert a (converted) training script for several cards.

    Args:
        source: the script.
        models: the variables that hold the models, such as `model` or `self.net`.
        known: the attributes that DistributedDataParallel has.
        found: takes what was changed, and what is left to do.

    Returns:
        The new script, and the variables to which no model is assigned; the script as it was where that is
        all of them.

    Raises:
        libcst.ParserSyntaxError: the text is no Python 3.
    """
    collected = _Loaders()
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    wrapper.visit(collected)
    work = Distribute(models, collected.found)
    module = wrapper.visit(work)
    missing = [model for model in models if model not in work.wrapped]
    if len(missing) == len(models):
        return source, missing
    inner = _Inner(work.wrapped, known)
    module = MetadataWrapper(cst.parse_module(module.bytes), unsafe_skip_copy=True).visit(inner)
    found.changes += work.changes
    found.changes += [
        Change(Lines(1, 1), "MODIFY", f'change "{name}" to "{name.replace(".", ".module.", 1)}"')
        for name in dict.fromkeys(inner.changed)
    ]
    found.unknown += _left_to_do(wrapper.module.code, work, collected.found)
    found.sort()
    return module.bytes, missing


def _left_to_do(text: str, work: Distribute, loaders: Sequence[Loader]) -> list[Finding]:
    """Models that are trained and not wrapped, samplers that are not told the epoch."""
    rows = []
    for loader in dict.fromkeys(loader.name for loader in loaders):
        if loader not in work.told:
            tip = f"call {loader}.sampler.set_epoch(epoch) in each epoch, or each has the same order"
            rows.append(Finding(_line(text, loader), f"{loader}.sampler", tip))
    for line in text.splitlines():
        if "optim" not in line.lower():
            continue
        for model in TAKEN.findall(line):
            if model not in work.wrapped and model.removesuffix(".module") not in work.wrapped:
                tip = f"is trained too, and differs from card to card until it is wrapped: add -t {model}"
                rows.append(Finding(_line(text, line), model, tip))
    return rows


def _line(text: str, part: str) -> Lines:
    number = text[: text.find(part)].count("\n") + 1
    return Lines(number, number)
