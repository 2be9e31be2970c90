"""Single operators: the models that `atc --singleop` made, found by what a call asks for, and run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import npusim
from npusim.om import check_soc, unpack

from acl._calls import AclError
from acl._dtypes import DATA_TYPES, FORMATS
from acl._queue import queue
from acl._sessions import make_session
from acl._state import State, operand_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from acl._buffers import Buffer, TensorDesc

NOT_FOUND, LOAD_FAILED = 100024, 100025
DEEPEST = 3  # levels of folders that are searched for operators
LARGEST = 2**31  # bytes of an operand; more is no shape of an operator


class SingleOp:
    """A loaded operator.

    Attributes:
        name: for messages.
        op: GE's type.
        attrs: its attributes.
        inputs, outputs: its tensors, as the OM file describes them.
    """

    def __init__(self, data: bytes, name: str, soc: str) -> None:
        definition, self._graph = unpack(data, name)
        check_soc(definition, soc, name)
        try:
            single = definition["single_op"]
            self.name, self.op, self.attrs = name, str(single["type"]), dict(single["attrs"])
            self.inputs = [_Tensor(row) for row in definition["inputs"]]
            self.outputs = [_Tensor(row) for row in definition["outputs"]]
            cost = definition["ops"][0]
            self._kind, self._cost = str(cost["kind"]), dict(cost["attrs"])
        except (KeyError, TypeError, ValueError, IndexError):
            raise AclError(
                LOAD_FAILED,
                f"{name} is no single operator; make it with atc --singleop, load models with acl.mdl",
            ) from None
        self._session: Any = None

    def fits(
        self, inputs: Sequence[TensorDesc], outputs: Sequence[TensorDesc], attrs: Mapping[str, Any]
    ) -> bool:
        """Whether the operator is for these tensors and attributes."""
        return (
            len(inputs) == len(self.inputs)
            and len(outputs) == len(self.outputs)
            and all(mine.fits(given) for mine, given in zip(self.inputs, inputs, strict=True))
            and all(mine.fits(given) for mine, given in zip(self.outputs, outputs, strict=True))
            and dict(attrs) == self.attrs
        )

    def launched(self, inputs: Sequence[TensorDesc], outputs: Sequence[TensorDesc]) -> npusim.Op:
        """What the device does for these tensors."""
        return npusim.Op(
            self.op,
            self._kind,
            [_spec(desc) for desc in inputs],
            [_spec(desc) for desc in outputs],
            self._cost or None,
        )

    def compute(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        """The output for inputs by their names in the graph, x0, x1, ...

        Raises:
            AclError: ONNX Runtime does not take the operator (100025).
        """
        if self._session is None:
            self._session = make_session(self._graph, self.name, LOAD_FAILED)
        wanted = {value.name for value in self._session.get_inputs()}
        found: np.ndarray[Any, Any] = self._session.run(
            None, {name: array for name, array in arrays.items() if name in wanted}
        )[0]
        return found


class _Tensor:
    """A tensor of an operator's OM file."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.dtype = str(row["dtype"])
        self.shape = tuple(int(n) for n in row["shape"])
        self.fmt = str(row["format"])
        const = row["const"]
        self.const = None if const is None else bytes.fromhex(const)

    def fits(self, desc: TensorDesc) -> bool:
        """Whether a description is one of this tensor's; -1 stands for any length."""
        return (
            DATA_TYPES[desc.data_type][0] == self.dtype
            and FORMATS.get(desc.fmt) == self.fmt
            and len(desc.shape) == len(self.shape)
            and all(mine in {-1, given} for mine, given in zip(self.shape, desc.shape, strict=True))
            and (self.const is None or self.const == desc.const)
        )


def _spec(desc: TensorDesc) -> npusim.TensorSpec:
    name = FORMATS.get(desc.fmt, "ND")
    return npusim.TensorSpec(
        tuple(max(n, 1) for n in desc.shape), DATA_TYPES[desc.data_type][0], name if name == "NCHW" else "ND"
    )


class Loaded:
    """The operators that this process loaded."""

    def __init__(self) -> None:
        self._ops: list[SingleOp] = []
        self.folder = ""

    def load(self, data: bytes, name: str) -> None:
        """Load an operator.

        Raises:
            npusim.om.OmError: the file is damaged (145006), or for another chip (507008).
            AclError: it is no single operator (100025).
        """
        self._ops.append(SingleOp(data, name, npusim.node().settings.chip.soc))

    def load_folder(self, folder: str) -> None:
        """Load every .om file of a folder and of two levels of folders below it.

        Raises:
            AclError: a folder was given before (100002), or cannot be read (100014).
        """
        if self.folder:
            raise AclError(100002, f"'{self.folder}' was given before; call acl.op.set_model_dir once")
        try:
            root = Path(folder)
            if not root.is_dir():
                raise AclError(
                    100014, f"'{folder}' is no folder; give that of the .om files of atc --singleop"
                )
            levels = ["*/" * depth + "*.om" for depth in range(DEEPEST)]
            files = [path for level in levels for path in sorted(root.glob(level))]
            contents = [(path.read_bytes(), str(path)) for path in files]
        except (OSError, ValueError) as error:
            raise AclError(100014, f"'{folder}' cannot be read: {error}") from None
        for data, name in contents:
            self.load(data, name)
        self.folder = folder

    def find(
        self, op: str, inputs: Sequence[TensorDesc], outputs: Sequence[TensorDesc], attrs: Mapping[str, Any]
    ) -> SingleOp:
        """The operator for a call.

        Raises:
            AclError: none was loaded (100024).
        """
        for found in self._ops:
            if found.op == op and found.fits(inputs, outputs, attrs):
                return found
        tensors = " -> ".join(", ".join(_spell(desc) for desc in side) for side in (inputs, outputs))
        raise AclError(
            NOT_FOUND,
            f"no operator {op} ({tensors}, attributes {dict(attrs)}) was loaded; convert it with atc "
            "--singleop and give its folder to acl.op.set_model_dir",
        )

    def of_type(self, op: str, inputs: Sequence[TensorDesc], attrs: Mapping[str, Any]) -> SingleOp:
        """The operator for inputs, whatever its outputs' descriptions say.

        Raises:
            AclError: none was loaded (100024).
        """
        for found in self._ops:
            mine = found.inputs
            if (
                found.op == op
                and len(mine) == len(inputs)
                and all(a.fits(b) for a, b in zip(mine, inputs, strict=True))
                and dict(attrs) == found.attrs
            ):
                return found
        raise AclError(
            NOT_FOUND, f"no operator {op} for these inputs was loaded; convert it with atc --singleop"
        )

    def clear(self) -> None:
        """Forget all."""
        self.__init__()  # type: ignore[misc]


def _spell(desc: TensorDesc) -> str:
    return f"{DATA_TYPES[desc.data_type][0]}{list(desc.shape)}"


def arrays(
    inputs: Sequence[TensorDesc], views: Sequence[memoryview | None]
) -> dict[str, np.ndarray[Any, Any]]:
    """Inputs by their names in the graph, those that are constant left out."""
    import numpy as np

    return {
        f"x{number}": np.frombuffer(view[: desc.size], DATA_TYPES[desc.data_type][0]).reshape(desc.shape)
        for number, (desc, view) in enumerate(zip(inputs, views, strict=True))
        if view is not None
    }


def run(
    found: SingleOp,
    descs: tuple[Sequence[TensorDesc], Sequence[TensorDesc]],
    buffers: tuple[Sequence[Buffer], Sequence[Buffer]],
    stream: npusim.Stream,
) -> None:
    """Launch an operator; its output is written when the stream comes to it.

    Raises:
        AclError: a buffer is too small (100021, 100022) or its address is not the device's (107000).
    """
    inputs, outputs = descs
    views: list[memoryview | None] = [
        None if mine.const is not None else _view(desc, buffer, number, "input", 100021)
        for number, (mine, desc, buffer) in enumerate(zip(found.inputs, inputs, buffers[0], strict=True))
    ]
    made = _view(outputs[0], buffers[1][0], 0, "output", 100022)
    stream.launch(found.launched(inputs, outputs))

    def work() -> None:
        try:
            result = found.compute(arrays(inputs, views))
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have many classes; the next wait tells
            reason = " ".join(str(error).split())[:200]
            stream.fail(f"operator {found.op} cannot be executed: {reason}", code=507011, task=found.op)
            return
        if result.nbytes > len(made):
            reason = f"its output has {result.nbytes} bytes, the buffer {len(made)}"
            stream.fail(f"operator {found.op} cannot be executed: {reason}", code=507011, task=found.op)
            return
        made[: result.nbytes] = result.tobytes()
        if result.size != outputs[0].count:
            outputs[0].shape = result.shape

    queue.add(stream, work)


def _view(desc: TensorDesc, buffer: Buffer, number: int, what: str, code: int) -> memoryview:
    if buffer.size < desc.size:
        raise AclError(code, f"{what} {number} has {buffer.size} bytes, its description {desc.size}")
    if not 0 < desc.size <= LARGEST:
        raise AclError(code, f"{what} {number} of shape {list(desc.shape)} has {desc.size} bytes")
    return operand_view(buffer.address, buffer.size, f"{what} {number}")


loaded = Loaded()
State.finalisers.append(loaded.clear)
