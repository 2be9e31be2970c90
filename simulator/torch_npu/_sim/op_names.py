"""What the profiler calls an operator, and what it costs like.

The names are CANN's operator types as kernel_details.csv shows them; kinds are those of `npusim.OP_KINDS`.
An operator that is not listed is called by its PyTorch name in CamelCase and costs like an elementwise one.
"""

from __future__ import annotations

_TABLE = """
elementwise   add:Add sub:Sub rsub:Sub mul:Mul div:Div true_divide:Div floor_divide:FloorDiv
elementwise   remainder:FloorMod fmod:Mod pow:Pow exp:Exp exp2:Pow log:Log log2:Log log10:Log log1p:Log1p
elementwise   expm1:Expm1 sqrt:Sqrt rsqrt:Rsqrt reciprocal:Reciprocal abs:Abs neg:Neg sign:Sign ceil:Ceil
elementwise   floor:Floor round:Round trunc:Trunc sin:Sin cos:Cos tan:Tan asin:Asin acos:Acos atan:Atan
elementwise   sinh:Sinh cosh:Cosh tanh:Tanh asinh:Asinh acosh:Acosh atanh:Atanh atan2:Atan2 erf:Erf
elementwise   erfc:Erfc erfinv:Erfinv sigmoid:Sigmoid relu:Relu threshold_backward:ReluGrad
elementwise   sigmoid_backward:SigmoidGrad tanh_backward:TanhGrad gelu:Gelu gelu_backward:GeluGrad
elementwise   silu:Swish silu_backward:SwishGrad leaky_relu:LeakyRelu hardtanh:HardtanhGrad
elementwise   leaky_relu_backward:LeakyReluGrad elu:Elu elu_backward:EluGradV2 softplus:SoftplusV2
elementwise   mish:Mish softplus_backward:SoftplusV2Grad hardswish:HardSwish hardsigmoid:HardSigmoid
elementwise   clamp:ClipByValueV2 clamp_min:Maximum clamp_max:Minimum maximum:Maximum minimum:Minimum
elementwise   eq:Equal ne:NotEqual lt:Less le:LessEqual gt:Greater ge:GreaterEqual logical_and:LogicalAnd
elementwise   logical_or:LogicalOr logical_not:LogicalNot logical_xor:LogicalXor bitwise_and:BitwiseAnd
elementwise   bitwise_or:BitwiseOr bitwise_xor:BitwiseXor bitwise_not:BitwiseNot where:SelectV2
elementwise   masked_fill:MaskedFill lerp:Lerp addcmul:Addcmul addcdiv:Addcdiv isnan:IsNan isinf:IsInf
elementwise   isfinite:IsFinite mse_loss:MSELoss mse_loss_backward:MSELossGrad
elementwise   smooth_l1_loss:SmoothL1LossV2 smooth_l1_loss_backward:SmoothL1LossGradV2
elementwise   binary_cross_entropy:BinaryCrossEntropy binary_cross_entropy_backward:BinaryCrossEntropyGrad
elementwise   binary_cross_entropy_with_logits:SigmoidCrossEntropyWithLogitsV2
elementwise   native_dropout_backward:DropOutDoMask nll_loss_forward:NLLLoss nll_loss_backward:NLLLossGrad
elementwise   nll_loss2d_forward:NLLLoss nll_loss2d_backward:NLLLossGrad glu:GLU glu_backward:GLUGrad
elementwise   fill:Fill zero:ZerosLike zeros:ZerosLike zeros_like:ZerosLike ones:Fill ones_like:OnesLike
elementwise   full:Fill full_like:Fill new_zeros:ZerosLike new_ones:Fill new_full:Fill arange:Range
elementwise   eye:Eye linspace:LinSpaceD triu:Triu tril:Tril upsample_nearest2d:ResizeNearestNeighborV2
elementwise   upsample_bilinear2d:ResizeBilinearV2 grid_sampler_2d:GridSampler2D
elementwise   _foreach_add:ForeachAddList _foreach_mul:ForeachMulList _foreach_div:ForeachDivList
elementwise   _foreach_sub:ForeachSubList _foreach_sqrt:ForeachSqrt _foreach_lerp:ForeachLerpList
elementwise   _foreach_addcmul:ForeachAddcmulList _foreach_addcdiv:ForeachAddcdivList
elementwise   _foreach_neg:ForeachNeg _foreach_pow:ForeachPowScalar _foreach_zero:ForeachZeroInplace
elementwise   _foreach_copy:ForeachCopy
elementwise   _amp_foreach_non_finite_check_and_unscale:ForeachNonFiniteCheckAndUnscale
matmul        mm:MatMulV2 addmm:MatMulV2 bmm:BatchMatMulV2 baddbmm:BatchMatMulV2 addmv:MatMulV2
matmul        mv:MatMulV2 dot:Dot addbmm:BatchMatMulV2 linear:MatMulV2 ger:MatMulV2 vdot:Dot addr:MatMulV2
matmul        _addmm_activation:MatMulV2
conv2d        convolution:Conv2D convolution_overrideable:Conv2D _convolution:Conv2D
conv2d        convolution_backward:Conv2DBackprop convolution_backward_overrideable:Conv2DBackprop
reduce        sum:ReduceSum mean:ReduceMean prod:ReduceProd amax:ReduceMax amin:ReduceMin
reduce        max:ArgMaxWithValue min:ArgMinWithValue argmax:ArgMaxV2 argmin:ArgMinV2 any:ReduceAny
reduce        all:ReduceAll norm:LpNormV2 linalg_vector_norm:LpNormV2 var:ReduceVar std:ReduceStdV2
reduce        var_mean:ReduceVar std_mean:ReduceStdV2 cumsum:Cumsum cumprod:Cumprod
reduce        logsumexp:ReduceLogSumExp count_nonzero:CountNonzero nansum:ReduceNansum
reduce        _foreach_norm:ForeachNorm equal:ReduceAll sort:Sort topk:TopKV2 median:Median
reduce        kthvalue:KthValue
normalization native_batch_norm:BatchNorm native_batch_norm_backward:BatchNormGrad
normalization native_layer_norm:LayerNormV4 native_layer_norm_backward:LayerNormGradV3
normalization native_group_norm:GroupNorm native_group_norm_backward:GroupNormGrad
normalization _native_batch_norm_legit:BatchNorm _fused_rms_norm:RmsNorm _batch_norm_with_update:BatchNorm
normalization batch_norm_backward:BatchNormGrad
softmax       _softmax:SoftmaxV2 _softmax_backward_data:SoftmaxGrad _log_softmax:LogSoftmaxV2
softmax       _log_softmax_backward_data:LogSoftmaxGrad
pool          max_pool2d_with_indices:MaxPoolWithArgmaxV3
pool          max_pool2d_with_indices_backward:MaxPoolGradWithArgmaxV3 avg_pool2d:AvgPool2D
pool          avg_pool2d_backward:AvgPoolV2Grad _adaptive_avg_pool2d:AdaptiveAvgPool2d
pool          _adaptive_avg_pool2d_backward:AdaptiveAvgPool2dGrad adaptive_max_pool2d:AdaptiveMaxPool2d
pool          max_pool3d_with_indices:MaxPool3DWithArgmaxV2 avg_pool3d:AvgPool3D
gather        embedding:GatherV2 embedding_dense_backward:EmbeddingDenseGradV2 index:Index
gather        gather:GatherElements index_select:GatherV2 index_put:IndexPutV2 _index_put_impl:IndexPutV2
gather        scatter:ScatterElements scatter_add:ScatterAddWithSorted index_add:InplaceIndexAdd
gather        masked_select:MaskedSelect nonzero:NonZero take:Gather unique:UniqueV2 _unique2:UniqueV2
gather        index_fill:IndexFill index_copy:InplaceIndexCopy one_hot:OneHot masked_scatter:MaskedScatter
gather        bincount:Bincount
copy          clone:TensorMove copy:TensorMove cat:ConcatD stack:Pack repeat:Tile constant_pad_nd:PadV3
copy          flip:ReverseV2 roll:Roll _to_copy:Cast lift_fresh_copy:TensorMove contiguous:TensorMove
copy          slice_backward:StridedSliceGrad select_backward:StridedSliceGrad reflection_pad2d:MirrorPad
copy          split_with_sizes_copy:SplitV
random        normal:StatelessRandomNormalV3 randn:StatelessRandomNormalV3 rand:StatelessRandomUniformV3
random        uniform:StatelessRandomUniformV3 bernoulli:StatelessBernoulli native_dropout:DropOutDoMask
random        random:StatelessRandomUniformV3 randint:StatelessRandomUniformV3 randperm:StatelessRandperm
random        multinomial:MultinomialWithReplacement exponential:StatelessRandomUniformV3
random        rand_like:StatelessRandomUniformV3 randn_like:StatelessRandomNormalV3
attention     _scaled_dot_product_flash_attention_for_cpu:FlashAttentionScore
attention     _scaled_dot_product_flash_attention_for_cpu_backward:FlashAttentionScoreGrad
optimizer     _fused_adam:ApplyAdamV2 _fused_adamw:ApplyAdamWV2 _fused_sgd:ApplyMomentum
optimizer     _fused_adagrad:ApplyAdagrad
"""

# Operators whose output shape depends on values: the device has to finish before the host knows the shape.
VALUE_DEPENDENT = frozenset(
    [
        "nonzero",
        "masked_select",
        "unique_dim",
        "unique_consecutive",
        "_unique",
        "_unique2",
        "bincount",
        "repeat_interleave",
    ]
)

# Operators that take indices or per-tensor scalars from the host as well, as the real kernels do.
HOST_ARGUMENTS = frozenset(
    [
        "index",
        "index_put",
        "index_put_",
        "_index_put_impl_",
        "_unsafe_index",
        "_unsafe_index_put",
        "repeat_interleave",
        "_foreach_addcmul_",
        "_foreach_addcdiv_",
        "_foreach_addcmul",
        "_foreach_addcdiv",
        "_ctc_loss",
        "_ctc_loss_backward",
        "_fused_adam_",
        "_fused_adamw_",
        "_fused_sgd_",
        "_fused_adagrad_",
    ]
)


def _read() -> dict[str, tuple[str, str]]:
    found = {}
    for line in _TABLE.split("\n"):
        kind, *pairs = line.split() or [""]
        for pair in pairs:
            name, _, shown = pair.partition(":")
            found[name] = (shown, kind)
    return found


_NAMES: dict[str, tuple[str, str]] = {}


def base_name(op: str) -> str:
    """An operator's name without overload and in-place mark: "add" for "add_.Tensor"."""
    name = op.partition(".")[0]
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def name_and_kind(op: str) -> tuple[str, str]:
    """The profiler's name and the cost kind of an aten operator: ("MatMulV2", "matmul") for "mm"."""
    if not _NAMES:
        _NAMES.update(_read())
    base = base_name(op)
    return _NAMES.get(base) or ("".join(p.capitalize() for p in base.split("_")), "elementwise")
