"""Operators of torch_npu that are not simulated, and what to do instead.

Names: the section `custom` of op_plugin_functions.yaml in Ascend/op-plugin, without those that begin with _.
"""

from __future__ import annotations

_GROUPS = {
    "the gradient of another operator: call that one and let autograd find it": (
        "fft_c2r_backward fft_r2c_backward kl_div_backward kl_div_target_backward l1_loss_backward "
        "matmul_double_backward npu_add_layer_norm_backward npu_attn_softmax_backward_ "
        "npu_binary_cross_entropy_with_logits_backward npu_block_sparse_attention_backward "
        "npu_bmm_v2_mat1_backward npu_bmm_v2_mat2_backward npu_ciou_backward "
        "npu_confusion_transpose_backward npu_conv2d_backward npu_conv3d_backward "
        "npu_conv_transpose2d_backward npu_conv_transpose3d_backward npu_convolution_backward "
        "npu_convolution_transpose_backward npu_cross_entropy_loss_backward npu_deep_norm_backward "
        "npu_deformable_conv2dbk npu_dense_lightning_indexer_grad_kl_loss npu_diou_backward "
        "npu_dropout_backward npu_dropout_with_add_softmax_backward npu_dtype_cast_backward "
        "npu_fast_gelu_backward npu_fused_attention_layernorm_qkv_fwd npu_fused_attention_qkv_grad "
        "npu_fused_attention_score_backward npu_fused_attention_score_fwd npu_fused_attention_score_grad "
        "npu_fused_floyd_attention_backward npu_fusion_attention_grad npu_fusion_attention_grad_v2 "
        "npu_fusion_attention_grad_v3 npu_gather_backward npu_gather_sparse_index_backward npu_geglu_grad "
        "npu_gelu_backward npu_giou_backward npu_group_norm_swish_grad npu_gru_backward "
        "npu_layernorm_grad npu_lightning_indexer_grad npu_linear_backward npu_lstm_backward "
        "npu_lstm_cell_backward npu_lstm_data_backward npu_masked_causal_conv1d_backward npu_max_backward "
        "npu_mhc_post_backward npu_mhc_pre_backward npu_mhc_sinkhorn_backward npu_min_backward "
        "npu_mish_backward npu_moe_gating_top_k_backward npu_moe_token_permute_grad "
        "npu_moe_token_permute_grad_v2 npu_moe_token_permute_with_routing_map_grad "
        "npu_moe_token_unpermute_grad npu_moe_token_unpermute_grad_v2 "
        "npu_moe_token_unpermute_with_routing_map_grad npu_multi_head_attention_backward "
        "npu_nsa_compress_grad npu_nsa_select_attention_grad npu_ps_roi_pooling_backward "
        "npu_quant_fusion_attention_backward npu_renorm_backward npu_rms_norm_backward "
        "npu_rotary_mul_backward npu_scaled_masked_softmax_backward npu_silu_backward "
        "npu_softmax_cross_entropy_with_logits_backward npu_sparse_flash_attention_grad "
        "npu_sparse_lightning_indexer_grad_kl_loss npu_swiglu_backward npu_swiglu_group_quant_backward "
        "repeat_interleave_backward_int repeat_interleave_backward_tensor slow_conv_dilated2d_backward "
        "slow_conv_transpose2d_backward stft_backward"
    ),
    "joins products and communication: call the operator and the collective one after another": (
        "attention_worker_scheduler attention_worker_scheduler_ ffn_worker_scheduler "
        "ffn_worker_scheduler_ npu_all_gather_base_mm npu_all_gather_quant_mm npu_all_to_all_matmul "
        "npu_all_to_all_quant_matmul npu_alltoallv_gmm npu_alltoallv_quant_gmm npu_attention_to_ffn "
        "npu_attention_worker_combine npu_ffn_to_attention npu_ffn_worker_batching npu_gmm_alltoallv "
        "npu_matmul_all_to_all npu_mm_reduce_scatter_base npu_moe_distribute_combine "
        "npu_moe_distribute_combine_add_rms_norm npu_moe_distribute_combine_setup "
        "npu_moe_distribute_combine_teardown npu_moe_distribute_combine_v2 npu_moe_distribute_dispatch "
        "npu_moe_distribute_dispatch_setup npu_moe_distribute_dispatch_teardown "
        "npu_moe_distribute_dispatch_v2 npu_moe_re_routing npu_moe_update_expert npu_quant_gmm_alltoallv "
        "npu_quant_matmul_all_to_all npu_quant_mm_reduce_scatter"
    ),
    "quantizes for serving: use npu_quantize, npu_dynamic_quant or npu_quant_matmul": (
        "npu_add_quant_gmm npu_add_quant_gmm_ npu_add_quant_matmul npu_add_quant_matmul_ "
        "npu_add_rms_norm_dynamic_mx_quant npu_add_rms_norm_dynamic_quant npu_add_rms_norm_quant "
        "npu_anti_mx_quant npu_convert_weight_to_int4pack npu_dequant_bias npu_dequant_rope_quant_kvcache "
        "npu_dequant_swiglu_quant npu_dual_level_quant_matmul npu_dynamic_block_mx_quant "
        "npu_dynamic_block_quant npu_dynamic_dual_level_mx_quant npu_dynamic_mx_quant "
        "npu_dynamic_mx_quant_with_dual_axis npu_gelu_quant npu_grouped_dynamic_block_quant "
        "npu_grouped_dynamic_mx_quant npu_grouped_matmul_swiglu_quant npu_grouped_matmul_swiglu_quant_v2 "
        "npu_hans_decode npu_hans_encode npu_kronecker_quant npu_kv_quant_sparse_flash_attention "
        "npu_matmul_compress_dequant npu_moe_init_routing_quant npu_quant_fusion_attention "
        "npu_quant_grouped_matmul_dequant npu_quant_lightning_indexer npu_quant_matmul_dequant "
        "npu_quant_matmul_gelu npu_quant_matmul_reduce_sum npu_quant_max npu_quant_scatter "
        "npu_quant_scatter_ npu_rms_norm_dynamic_mx_quant npu_rms_norm_quant npu_rms_norm_quant_v2 "
        "npu_rope_quant_kvcache npu_rotate_quant npu_swiglu_group_quant npu_swiglu_mx_quant "
        "npu_swiglu_mx_quant_with_dual_axis npu_swiglu_quant npu_transpose_quant_batchmatmul "
        "npu_weight_quant_preprocess"
    ),
    "attention, a cache or a layer of large models: use npu_fusion_attention and PyTorch's own": (
        "npu_advance_step_flashattn npu_attention_update npu_block_sparse_attention "
        "npu_chunk_gated_delta_rule npu_dense_lightning_indexer_softmax_lse npu_fused_causal_conv1d "
        "npu_fused_causal_conv1d_v2 npu_fused_floyd_attention npu_fused_infer_attention_score "
        "npu_fused_infer_attention_score_v2 npu_fusion_attention_v2 npu_fusion_attention_v3 "
        "npu_gather_pa_kv_cache npu_gather_pa_kv_cache_functional npu_interleave_rope "
        "npu_kv_rmsnorm_rope_cache npu_kv_rmsnorm_rope_cache_v2 npu_kv_rmsnorm_rope_cache_v2_functional "
        "npu_lightning_indexer npu_masked_causal_conv1d npu_mhc_post npu_mhc_pre npu_mhc_sinkhorn "
        "npu_mla_prolog npu_mla_prolog_v2 npu_mla_prolog_v3 npu_mla_prolog_v3_functional npu_mrope "
        "npu_nsa_compress npu_nsa_compress_attention npu_nsa_compress_attention_infer "
        "npu_nsa_compress_infer npu_nsa_select_attention npu_nsa_select_attention_infer npu_prefetch "
        "npu_qkv_rms_norm_rope_cache npu_qkv_rms_norm_rope_cache_functional "
        "npu_recurrent_gated_delta_rule npu_recurrent_gated_delta_rule_functional "
        "npu_ring_attention_update npu_scatter_pa_cache npu_scatter_pa_kv_cache "
        "npu_scatter_pa_kv_cache_functional npu_sparse_flash_attention"
    ),
    "encrypts models with a service of the vendor": (
        "obfuscation_calculate obfuscation_finalize obfuscation_initialize"
    ),
    "old, or an inner part of other operators: write it with PyTorch's own": (
        "crop_and_resize decode_jpeg image_normalize image_normalize_ img_to_tensor npu_bert_apply_adam "
        "npu_dropout_do_mask npu_dropout_gen_mask npu_indexing_trans_contiguous npu_lstm_data npu_scatter "
        "npu_scatter_list npu_scatter_list_ npu_sim_exponential_ npu_sub_sample "
        "npu_transpose_trans_contiguous npu_view_copy reverse"
    ),
    "fuses what others do one after another: call those": (
        "npu_add_rms_norm_cast npu_add_rms_norm_v2 npu_add_rms_norm_v2_functional npu_attn_softmax_ "
        "npu_batch_gather_matmul npu_batch_gather_matmul_ npu_clipped_swiglu npu_ffn npu_fused_matmul "
        "npu_gather_sparse_index npu_grouped_matmul_add npu_grouped_matmul_add_ "
        "npu_grouped_matmul_finalize_routing npu_moe_gating_top_k npu_moe_gating_top_k_softmax_v2 "
        "npu_moe_init_routing_v2 npu_moe_token_permute_with_routing_map "
        "npu_moe_token_unpermute_with_routing_map npu_top_k_top_p_sample npu_transpose_batchmatmul"
    ),
}
REASONS = {name: why for why, names in _GROUPS.items() for name in names.split()}
"""By name, why it is not there and what to do instead."""


def refusal(name: str) -> AttributeError:
    """The error for such an operator; an AttributeError, so that `hasattr` says that it is not there."""
    return AttributeError(f"torch_npu.{name} is not simulated ({REASONS[name]}).")
