"""What torch_npu says on a machine that is broken (`npusim.faults`), and of chips that it does not know.

The layouts are those of Ascend/pytorch: `_init/core/module_loader.py` (a library that is missing),
`NpuVariables.cpp` (the chip), `LazyInitAclops.cpp` and `NPUException.h` (the operator compiler) and
`OpParamMaker.cpp` (a call of aclnn that failed).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from npusim import faults

from torch_npu._sim.soc_versions import NEWER, number_of
from torch_npu.utils._error_code import ErrCode, ops_error, pta_error

if TYPE_CHECKING:
    import npusim

_PRECISION_MODE = "at_npu::native::AclSetCompileopt(aclCompileOpt::ACL_PRECISION_MODE, precision_mode)"
_INTERNAL = (
    "\n[Error]: The internal ACL of the system is incorrect."
    "\n        Rectify the fault based on the error information in the ascend log.\n"
)
# the call of aclnn by the kernel that it launches, where it is not that name after "aclnn"
_ACLNN = {
    "AsStrided": "InplaceCopy",
    "BatchMatMulV2": "BatchMatMul",
    "Conv2D": "Convolution",
    "Fill": "InplaceFillScalar",
    "LayerNormV3": "LayerNorm",
    "MatMulV2": "Matmul",
    "OnesLike": "InplaceOne",
    "Range": "Arange",
    "RealDiv": "Div",
    "SoftmaxV2": "Softmax",
    "TensorMove": "InplaceCopy",
    "ViewCopy": "InplaceCopy",
    "ZerosLike": "InplaceZero",
}


def missing_library() -> ImportError:
    """What `import torch_npu` says where CANN's libraries are not found."""
    package = "compiler" if "ASCEND_OPP_PATH" in os.environ else "cann"
    return ImportError(
        "libhccl.so: cannot open shared object file: No such file or directory. "
        f"Please check that the {package} package is installed. "
        "Please run 'source set_env.sh' in the CANN installation path." + pta_error(ErrCode.NOT_FOUND)
    )


def check_initialization(node: npusim.Node) -> None:
    """What the first use of a device finds out.

    Raises:
        RuntimeError: torch_npu does not know the chip, or the operator compiler cannot start (500001).
    """
    asked = faults.asked()
    soc = node.settings.chip.soc
    if number_of(soc) < 0 or (faults.UNSUPPORTED_SOC in asked and number_of(soc) >= NEWER):
        raise RuntimeError(f"Unsupported soc version: {soc.replace('_', ' ')}")
    if faults.CANN_VERSIONS in asked:
        raise RuntimeError(
            "SetPrecisionMode:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:155 "
            f"NPU function error: {_PRECISION_MODE}, error code is {faults.CompilerError.code}"
            f"{pta_error(ErrCode.ACL)}{_INTERNAL}{faults.mixed_versions(soc)}"
        )
    faults.FaultyStream.wording = _of_operator


def _of_operator(op: npusim.Op, error: npusim.NpusimError) -> RuntimeError:
    if isinstance(error, faults.CompilerError):  # found out before aclnn is called, and told without its code
        return RuntimeError(f"{error}{pta_error(ErrCode.ACL)}")
    call = _ACLNN.get(op.name, op.name)
    return RuntimeError(f"call aclnn{call} failed, detail:{error}{ops_error(ErrCode.ACL)}")
