"""From one card to several: `distributed -m MAIN -t MODEL` and the launcher run_distributed_npu.sh.

The training script becomes one process a card: it joins the process group first, wraps the model in
DistributedDataParallel, and gives each DataLoader that shuffles a DistributedSampler.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider, ScopeProvider

from ms_fmk_transplt.convert import DATALOADER
from ms_fmk_transplt.findings import Change, Lines
from ms_fmk_transplt.imports import insert_import, is_imported
from ms_fmk_transplt.names import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

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
TRAINS = re.compile(r"(?i)optim|\.backward\(")


def _starts(node: cst.If) -> bool:
    """Whether this is `if __name__ == "__main__":`."""
    return cst.Module([]).code_for_node(node.test).replace("'", '"') == '__name__ == "__main__"'


class Distribute(cst.CSTTransformer):
    """Turns a training script for one card into one for several."""

    METADATA_DEPENDENCIES = (PositionProvider, ScopeProvider)

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model = model
        self.changes: list[Change] = []
        self.wrapped = False
        self._joined = False
        self._branches: set[cst.CSTNode] = set()

    def _note(self, node: cst.CSTNode, operation: str, message: str) -> None:
        place = self.get_metadata(PositionProvider, node)
        self.changes.append(Change(Lines(place.start.line, place.end.line), operation, message))

    def _places(self, statement: cst.SimpleStatementLine) -> bool:
        """Whether a statement makes or moves the model: `model = ...`, `model.npu()`, `model.to(device)`."""
        if len(statement.body) != 1:
            return False
        code = statement.body[0]
        if isinstance(code, cst.Assign):
            target = code.targets[0].target
            return len(code.targets) == 1 and isinstance(target, cst.Name) and target.value == self.model
        if isinstance(code, cst.Expr) and isinstance(code.value, cst.Call):
            function = code.value.func
            return (
                isinstance(function, cst.Attribute)
                and isinstance(function.value, cst.Name)
                and function.value.value == self.model
                and function.attr.value in {"npu", "cuda", "to"}
            )
        return False

    def _within(self, statement: cst.CSTNode) -> bool:
        """Whether a statement, or a branch of it, makes or moves the model."""
        if isinstance(statement, cst.If):
            branches = [*statement.body.body, *([] if statement.orelse is None else [statement.orelse])]
            return any(self._within(branch) for branch in branches)
        if isinstance(statement, cst.Else):
            return any(self._within(branch) for branch in statement.body.body)
        return isinstance(statement, cst.SimpleStatementLine) and self._places(statement)

    def _wrap(
        self, old: Sequence[cst.BaseStatement], new: Sequence[cst.BaseStatement]
    ) -> list[cst.BaseStatement] | None:
        """Wrap after the last statement that makes or moves the model, before an optimizer takes it."""
        places = [number for number, statement in enumerate(old) if self._within(statement)]
        if self.wrapped or not places or len(old) != len(new):
            return None
        last = places[0]
        for number in range(last + 1, len(old)):
            if TRAINS.search(cst.Module([]).code_for_node(old[number])):
                break
            if number in places:
                last = number
        self.wrapped = True
        self._note(old[last], "INSERT", f"wrap {self.model} in DistributedDataParallel")
        added = cst.parse_module(WRAP.format(model=self.model)).body
        return [*new[: last + 1], *added, *new[last + 1 :]]

    def visit_If(self, node: cst.If) -> None:
        """A branch is no place to wrap the model in: other branches make it too."""
        if not _starts(node):
            self._branches.add(node.body)
        if isinstance(node.orelse, cst.Else):
            self._branches.add(node.orelse.body)

    def visit_For(self, node: cst.For) -> None:
        """A loop is a place to wrap the model in only where it makes one each time round."""
        self._loop(node.body)

    def visit_While(self, node: cst.While) -> None:
        """As with `for`."""
        self._loop(node.body)

    def _loop(self, body: cst.BaseSuite) -> None:
        made = (s for s in body.body if isinstance(s, cst.SimpleStatementLine) and self._places(s))
        values = [s.body[0].value for s in made if isinstance(s.body[0], cst.Assign)]
        name = re.compile(rf"\b{re.escape(self.model)}\b")
        if all(name.search(cst.Module([]).code_for_node(value)) for value in values):
            self._branches.add(body)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """Wrap the model where it was made."""
        if original_node in self._branches:
            return updated_node
        body = self._wrap(original_node.body, updated_node.body)
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
        if found is None or found.name != DATALOADER:
            return updated_node
        return self._deal(original_node, updated_node)

    def _deal(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        given = {arg.keyword.value: arg for arg in updated_node.args if arg.keyword is not None}
        shuffle = given.get("shuffle")
        if shuffle is None or {"sampler", "batch_sampler"} & set(given):
            return updated_node
        if isinstance(shuffle.value, cst.Name) and shuffle.value.value == "False":
            return updated_node
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
        body = self._wrap(original_node.body, updated_node.body)
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


def distribute(source: bytes, model: str) -> tuple[bytes, list[Change], bool]:
    """Convert a (converted) training script for several cards.

    Args:
        source: the script.
        model: the variable that holds the model.

    Returns:
        The new script, what was changed, and whether the model was found.

    Raises:
        libcst.ParserSyntaxError: the text is no Python 3.
    """
    work = Distribute(model)
    module = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True).visit(work)
    return module.bytes, work.changes, work.wrapped
