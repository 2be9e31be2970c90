"""A machine that is broken on purpose: NPUSIM_FAULT names what is wrong with its installation.

What learners meet first on a server are faults of the installation, which a laptop does not have. Each of
these makes the stack fail where a real one fails, with its words; the sources stand beside each. The variable
is read at the moment of failing, so whoever takes it away again has a healthy machine.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from npusim.exceptions import EnvironmentVariableError, NpusimError
from npusim.plog import stamp
from npusim.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from npusim.op import Op
    from npusim.records import Record

VARIABLE = "NPUSIM_FAULT"
CANN_ENVIRONMENT = "cann_environment"
CANN_VERSIONS = "cann_versions"
COMPILER_PACKAGES = "compiler_packages"
HCCP_BUSY = "hccp_busy"
KERNELS_PACKAGE = "kernels_package"
UNSUPPORTED_SOC = "unsupported_soc"


class Fault(NamedTuple):
    """One way of being broken.

    Attributes:
        cause: what is wrong with the machine.
        shows: where a program meets it.
    """

    cause: str
    shows: str


FAULTS: dict[str, Fault] = {
    CANN_ENVIRONMENT: Fault("set_env.sh of CANN was not sourced", "import torch_npu, import acl"),
    CANN_VERSIONS: Fault(
        "toolkit, kernels and driver are of different versions", "the first use of a device"
    ),
    COMPILER_PACKAGES: Fault("the operator compiler misses a Python package", "the first operator"),
    HCCP_BUSY: Fault("the last training is still there", "the first collective"),
    KERNELS_PACKAGE: Fault("the package of binary kernels is not installed", "every operator"),
    UNSUPPORTED_SOC: Fault("torch_npu is too old for the chip", "the first use of a device"),
}
_OF_OPERATORS = (COMPILER_PACKAGES, KERNELS_PACKAGE)


class MissingKernelError(NpusimError):
    """There is no binary of an operator for this chip (`kernels_package`)."""

    code = 100024
    component = "OP"


class CompilerError(NpusimError):
    """The operator compiler could not be started (`compiler_packages`, `cann_versions`)."""

    code = 500001
    component = "GE"


class BusyDeviceError(NpusimError):
    """The communication process of an earlier program still runs on the device (`hccp_busy`)."""

    code = 507000
    component = "HCCL"


def asked(environ: Mapping[str, str] | None = None) -> frozenset[str]:
    """The faults that NPUSIM_FAULT asks for: names of `FAULTS`, several with commas.

    Raises:
        EnvironmentVariableError: a name that is none of them.
    """
    value = (os.environ if environ is None else environ).get(VARIABLE, "")
    names = [name.strip() for name in value.split(",") if name.strip()]
    wrong = next((name for name in names if name not in FAULTS), None)
    if wrong is not None:
        raise EnvironmentVariableError(
            f"{VARIABLE}={value!r} is not understood at {wrong!r}: set it to one or more of "
            f"{', '.join(FAULTS)}, with commas."
        )
    return frozenset(names)


def inner_error(code: str, lines: list[str]) -> str:
    """CANN's layout of an inner error: the code, again with process and time, then the trace."""
    first, *trace = lines
    rest = "".join(f"\n       {line}" for line in trace)
    return (
        f"{code}: Inner Error!\n{code}: [PID: {os.getpid()}] {stamp()} {first}"
        f"\n        TraceBack (most recent call last):{rest}"
    )


def missing_kernel(op: Op) -> MissingKernelError:
    """What CANN says of an operator without a binary.

    Source: "Cannot find bin of op" in the troubleshooting cases of Ascend/pytorch, and
    vllm-project/vllm-ascend#2197.
    """
    key = "".join(f"{spec.dtype}/{spec.fmt}/" for spec in (*op.inputs, *op.outputs))
    return MissingKernelError(
        inner_error(
            "EZ9999",
            [
                f"Cannot find bin of op {op.name}, integral key 0/1/|{key}.",
                f"Cannot find binary for op {op.name}.",
                f"launch failed for {op.name}, errno:561000.",
            ],
        )
    )


def missing_package() -> CompilerError:
    """What CANN says where its operator compiler misses a Python package.

    Source: Ascend/pytorch#7; the reason, EC0010, as in opendatalab/MinerU#2258.
    """
    lines = [
        "[Init][Env]init env failed!",
        "EC0010: Failed to import Python module [ModuleNotFoundError: No module named 'decorator'.].",
        "build op model failed, result = 500001",
    ]
    return CompilerError(inner_error("EH9999", lines))


def mixed_versions(soc: str) -> CompilerError:
    """What CANN says where toolkit, kernels and driver do not belong together.

    Source: vllm-project/vllm-ascend#692.
    """
    lines = [
        f"[Init][PlatformInfo]init runtime platform info failed, SocVersion = {soc}",
        "GELib::InnerInitialize failed.",
        "[Initialize][Ge]GEInitialize failed. ge result = 4294967295",
        "[Init][Compiler]Init compiler failed",
        "[Set][Options]OpCompileProcessor init failed!",
    ]
    return CompilerError(inner_error("EH9999", lines))


def busy() -> BusyDeviceError:
    """What CANN says where an earlier program's communication process is still there.

    Source: verl-project/verl#332 and hiyouga/LlamaFactory#3839.
    """
    return BusyDeviceError(
        f"EJ0001: [PID: {os.getpid()}] {stamp()} Failed to initialize the HCCP process. Reason: Maybe the "
        "last training process is running.\n"
        "        Solution: Wait for 10s after killing the last training process and try again."
    )


class FaultyStream(Stream):
    """The streams of a machine whose operators cannot run.

    Attributes:
        wording: what a face makes of CANN's error; given the operator and the error.
    """

    __slots__ = ()

    wording: Callable[[Op, NpusimError], Exception] | None = None

    def launch(self, op: Op) -> Record:
        """Fails as the real stack does, as long as the environment asks for it.

        Raises:
            MissingKernelError: NPUSIM_FAULT=kernels_package.
            CompilerError: NPUSIM_FAULT=compiler_packages.
        """
        faults = asked()
        error: NpusimError | None = None
        if COMPILER_PACKAGES in faults:
            error = missing_package()
        elif KERNELS_PACKAGE in faults:
            error = missing_kernel(op)
        if error is None:
            return super().launch(op)
        raise error if FaultyStream.wording is None else FaultyStream.wording(op, error)


def stream_type(faults: frozenset[str]) -> type[Stream]:
    """What the streams of a machine are made of."""
    return FaultyStream if faults.intersection(_OF_OPERATORS) else Stream
