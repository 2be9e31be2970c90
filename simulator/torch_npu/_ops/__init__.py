"""The operators `torch_npu.npu_*`: each is one launch, with values and gradients by its definition.

Names, signatures and formulas are those of Ascend/op-plugin (docs/zh/custom_APIs/torch_npu). A module is a
family; `TABLE` says where each name is, and is read when a name is first asked for.
"""

from __future__ import annotations

_FAMILIES = {
    "activations": (
        "fast_gelu npu_fast_gelu npu_geglu npu_gelu npu_gelu_mul npu_mish npu_silu npu_silu_ npu_swiglu"
    ),
    "attention": (
        "npu_apply_rotary_pos_emb npu_dropout_with_add_softmax npu_fused_attention_score "
        "npu_fusion_attention npu_incre_flash_attention npu_masked_softmax_with_rel_pos_bias "
        "npu_multi_head_attention "
        "npu_prompt_flash_attention npu_rotary_mul npu_scaled_masked_softmax"
    ),
    "boxes": (
        "npu_anchor_response_flags npu_bounding_box_decode npu_bounding_box_encode npu_ciou "
        "npu_diou npu_giou npu_iou npu_nms_rotated npu_ptiou npu_rotated_box_decode npu_rotated_box_encode "
        "npu_rotated_iou npu_rotated_overlaps "
        "npu_yolo_boxes_encode"
    ),
    "convolution": (
        "npu_conv2d npu_conv3d npu_conv_transpose2d npu_convolution npu_convolution_transpose "
        "npu_deformable_conv2d"
    ),
    "detection": (
        "npu_batch_nms npu_grid_assign_positive npu_nms_v4 npu_nms_with_mask npu_ps_roi_pooling "
        "npu_roi_align npu_roi_alignbk"
    ),
    "layout": (
        "copy_memory_ npu_broadcast npu_confusion_transpose npu_dtype_cast npu_dtype_cast_ "
        "npu_indexing npu_masked_fill_range npu_one_hot npu_pad npu_reshape npu_scatter_nd_update "
        "npu_scatter_nd_update_ npu_sign_bits_pack npu_sign_bits_unpack npu_slice npu_stride_add "
        "npu_stride_copy npu_transpose one_ scatter_update scatter_update_"
    ),
    "losses": "npu_cross_entropy_loss npu_softmax_cross_entropy_with_logits",
    "moe": (
        "npu_grouped_matmul npu_moe_compute_expert_tokens npu_moe_finalize_routing "
        "npu_moe_gating_top_k_softmax npu_moe_init_routing npu_moe_token_permute npu_moe_token_unpermute"
    ),
    "norms": (
        "npu_add_layer_norm npu_add_rms_norm npu_deep_norm npu_gemma_rms_norm npu_group_norm_silu "
        "npu_group_norm_swish npu_layer_norm_eval npu_normalize_batch npu_rms_norm"
    ),
    "optimizers": "npu_apply_adam npu_apply_adam_w",
    "overflow": "npu_alloc_float_status npu_clear_float_status npu_get_float_status",
    "products": ("matmul_checksum npu_bmmV2 npu_linear npu_max npu_min npu_mm_all_reduce_base npu_sort_v2"),
    "quantization": (
        "npu_anti_quant npu_dynamic_quant npu_dynamic_quant_asymmetric npu_group_quant npu_ifmr "
        "npu_quant_conv2d npu_quant_matmul npu_quantize npu_trans_quant_param "
        "npu_weight_quant_batchmatmul"
    ),
    "recurrent": "npu_gru npu_lstm npu_lstm_cell",
    "sampling": "dropout_with_byte_mask npu_random_choice_with_mask npu_top_k_top_p",
    "streams": "erase_stream",
    "sync_norms": "batch_norm_gather_stats_update batch_norm_reduce",
    "vocabulary": (
        "npu_fused_cross_entropy_loss_with_max_sum npu_fused_linear_cross_entropy_loss_with_max_sum_backward "
        "npu_fused_linear_online_max_sum"
    ),
}
TABLE = {name: family for family, names in _FAMILIES.items() for name in names.split()}
