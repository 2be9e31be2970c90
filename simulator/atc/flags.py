"""Options of the real ATC besides those that the simulated one carries out, and what each of them takes.

Sources: atc --help of CANN 8; how values are checked, and with which code, is that of GE's command line
(api/atc of its public repository).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atc.errors import AtcError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

# taken and checked for nothing: they steer how operators are compiled, not what a model computes
WITHOUT_EFFECT = (
    "ac_parallel_enable",
    "allow_hf32",
    "buffer_optimize",
    "check_report",
    "core_type",
    "debug_dir",
    "deterministic",
    "device_id",
    "disable_reuse_memory",
    "fusion_switch_file",
    "host_env_cpu",
    "host_env_os",
    "jit_compile",
    "mdl_bank_path",
    "op_bank_path",
    "op_compiler_cache_dir",
    "op_compiler_cache_mode",
    "op_debug_level",
    "op_select_implmode",
    "optypelist_for_implmode",
    "status_check",
    "tiling_schedule_optimize",
)

# refused by name, unless given with the value that they have anyway
NOT_SIMULATED = {
    "aicore_num": "",
    "atomic_clean_policy": "0",
    "build_config": "",
    "cal_conf": "",
    "cluster_config": "",
    "compress_weight_conf": "",
    "compression_optimize_conf": "",
    "customize_dtypes": "",
    "deterministic_level": "0",
    "display_model_info": "0",
    "dump_mode": "0",
    "enable_attr_compression": "true",
    "enable_compress_weight": "false",
    "enable_scope_fusion_passes": "",
    "enable_single_stream": "",
    "external_weight": "0",
    "h2d_overlapped_with_compute": "",
    "hccl_sub_comm_config": "",
    "input_shape_range": "",
    "is_input_adjust_hw_layout": "",
    "is_output_adjust_hw_layout": "",
    "is_weight_clip": "1",
    "keep_dtype": "",
    "modify_mixlist": "",
    "oo_level": "O3",
    "op_debug_config": "",
    "op_name_map": "",
    "op_precision_mode": "",
    "optimization_switch": "",
    "quant_dumpable": "",
    "raw_ge_options": "",
    "raw_ge_options_ignore_unsupported": "false",
    "save_original_model": "",
    "shape_generalized_build_mode": "shape_precise",
    "sparsity": "0",
    "static_model_ops_lower_limit": "",
    "target": "",
    "virtual_type": "0",
}

# refused by the real tool too
GONE = ("auto_tune_mode", "input_hint_shape")

# values that the real tool takes, and the simulated one does not
ELSEWHERE = {
    "mode": ("3", "5", "6", "7", "30"),
    "precision_mode": ("allow_fp32_to_bf16", "allow_mix_precision_bf16"),
    "precision_mode_v2": ("mixed_bfloat16", "cube_hif8", "mixed_hif8"),
}

# of options that have few values, all of them
CHOICES = {
    "atomic_clean_policy": ("0", "1"),
    "buffer_optimize": ("l1_optimize", "l2_optimize", "off_optimize"),
    "core_type": ("AiCore", "VectorCore"),
    "deterministic": ("0", "1"),
    "deterministic_level": ("0", "1", "2"),
    "disable_reuse_memory": ("0", "1"),
    "display_model_info": ("0", "1"),
    "dump_mode": ("0", "1"),
    "external_weight": ("0", "1", "2"),
    "framework": ("0", "1", "3", "5"),
    "log": ("debug", "error", "info", "null", "warning"),
    "mode": ("0", "1", *ELSEWHERE["mode"]),
    "op_compiler_cache_mode": ("disable", "enable", "force"),
    "op_debug_level": ("0", "1", "2", "3", "4"),
    "op_select_implmode": (
        "high_performance",
        "high_performance_for_all",
        "high_precision",
        "high_precision_for_all",
    ),
    "precision_mode": (
        "allow_fp32_to_fp16",
        "allow_mix_precision",
        "allow_mix_precision_fp16",
        "cube_fp16in_fp32out",
        "force_fp16",
        "force_fp32",
        "must_keep_origin_dtype",
        *ELSEWHERE["precision_mode"],
    ),
    "precision_mode_v2": (
        "cube_fp16in_fp32out",
        "fp16",
        "mixed_float16",
        "origin",
        *ELSEWHERE["precision_mode_v2"],
    ),
    "shape_generalized_build_mode": ("shape_generalized", "shape_precise"),
    "sparsity": ("0", "1"),
    "status_check": ("0", "1"),
    "virtual_type": ("0", "1"),
}
_SWITCHES = {  # whose wrong values have a code of their own
    "atomic_clean_policy",
    "deterministic",
    "disable_reuse_memory",
    "display_model_info",
    "dump_mode",
    "external_weight",
    "sparsity",
    "status_check",
}
FRAMEWORK_NEEDED = (
    "[--framework] is required. The value must be [0(Caffe) or 1(MindSpore) or 3(TensorFlow) or 5(Onnx)]"
)
_BOOL = frozenset(("", "1", "t", "true", "y", "yes", "0", "f", "false", "n", "no"))


def check_values(given: Mapping[str, Any]) -> None:
    """Refuse values that an option does not have, as the real command line does before anything else.

    Raises:
        AtcError: E10006 a switch, E10007 --framework, E10010 --log, E10003 a type, E10001 all others.
    """
    for name, value in given.items():
        if value is None or (name == "framework" and value == "-1"):
            continue
        if name == "raw_ge_options_ignore_unsupported" and value.lower() not in _BOOL:
            raise AtcError(
                "E10003", f"Value [{value}] for parameter [--{name}] is invalid; it must be a bool"
            )
        if value not in CHOICES.get(name, (value,)):
            raise _wrong(name, value)


def _wrong(name: str, value: str) -> AtcError:
    known = ", ".join(CHOICES[name])
    if name == "framework":
        return AtcError("E10007", f"{FRAMEWORK_NEEDED}; it is [{value}]")
    if name == "log" or name in _SWITCHES:
        code = "E10010" if name == "log" else "E10006"
        return AtcError(code, f"Value [{value}] for parameter [--{name}] is invalid; give one of {known}")
    return invalid(f"--{name}", value, f"only {known} are taken")


def check_simulated(given: Mapping[str, Any]) -> None:
    """Refuse options, and values of options, that are not carried out here.

    Raises:
        AtcError: what the real tool refuses too (E10001, E10055), or what is not simulated (E10055).
    """
    if given["auto_tune_mode"]:
        raise invalid("--auto_tune_mode", given["auto_tune_mode"], "it has been withdrawn; tune with AOE")
    if given["input_hint_shape"]:
        raise AtcError(
            "E10055", f"--input_hint_shape [{given['input_hint_shape']}] is no option of a conversion"
        )
    for name, default in NOT_SIMULATED.items():
        if given[name] and given[name] != default:
            raise AtcError("E10055", f"--{name} is not simulated; leave it out")
    for name, values in ELSEWHERE.items():
        if given[name] in values:
            raise AtcError("E10055", f"--{name}={given[name]} is not simulated; leave it out or take another")
