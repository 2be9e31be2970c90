"""Options of the real ATC besides those that the simulated one carries out.

Source: atc --help of CANN 8.
"""

# taken and checked for nothing: they steer how operators are compiled, not what a model computes
WITHOUT_EFFECT = (
    "ac_parallel_enable",
    "allow_hf32",
    "auto_tune_mode",
    "buffer_optimize",
    "check_report",
    "core_type",
    "debug_dir",
    "deterministic",
    "device_id",
    "disable_reuse_memory",
    "display_model_info",
    "dump_mode",
    "external_weight",
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

# what those of them take that have few values
CHOICES = {
    "buffer_optimize": ("l1_optimize", "l2_optimize", "off_optimize"),
    "core_type": ("AiCore", "VectorCore"),
    "disable_reuse_memory": ("0", "1"),
    "op_compiler_cache_mode": ("disable", "enable", "force"),
    "op_select_implmode": (
        "high_precision",
        "high_performance",
        "high_precision_for_all",
        "high_performance_for_all",
    ),
}

# refused by name
NOT_SIMULATED = (
    "aicore_num",
    "atomic_clean_policy",
    "build_config",
    "cal_conf",
    "cluster_config",
    "compress_weight_conf",
    "compression_optimize_conf",
    "customize_dtypes",
    "deterministic_level",
    "enable_attr_compression",
    "enable_compress_weight",
    "enable_scope_fusion_passes",
    "enable_single_stream",
    "h2d_overlapped_with_compute",
    "hccl_sub_comm_config",
    "input_hint_shape",
    "input_shape_range",
    "is_input_adjust_hw_layout",
    "is_output_adjust_hw_layout",
    "is_weight_clip",
    "keep_dtype",
    "modify_mixlist",
    "oo_level",
    "op_debug_config",
    "op_name_map",
    "op_precision_mode",
    "optimization_switch",
    "quant_dumpable",
    "raw_ge_options",
    "raw_ge_options_ignore_unsupported",
    "save_original_model",
    "shape_generalized_build_mode",
    "sparsity",
    "static_model_ops_lower_limit",
    "target",
    "virtual_type",
)
