"""The calibration networks as operator graphs: what an exported ONNX model holds before it is compiled.

Layer tables are those of the papers and of torchvision or timm, which the published models were exported
from. Half precision throughout (ATC's default, force_fp16), or int8 where the published model was quantised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim import GraphNode as Node
from npusim import Op, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


LAST_STAGE = 3


class Builder:
    """Appends operators to a graph and keeps track of values' shapes."""

    def __init__(self, dtype: str = "float16", *, primitive: bool = False) -> None:
        self.primitive = primitive
        self.nodes: list[Node] = []
        self.specs: dict[str, TensorSpec] = {}
        self.dtype = dtype
        self._count = 0

    def value(self, shape: Sequence[int], dtype: str | None = None, fmt: str = "ND") -> str:
        """A new named value."""
        self._count += 1
        name = f"v{self._count}"
        self.specs[name] = TensorSpec(tuple(shape), dtype or self.dtype, fmt)
        return name

    def image(self, n: int, size: int) -> str:
        """A batch of colour images: the network's input."""
        return self.value((n, 3, size, size), fmt="NCHW")

    def shape(self, name: str) -> tuple[int, ...]:
        """Its shape."""
        return self.specs[name].shape

    def add(  # noqa: PLR0913 - an operator has these parts
        self,
        op_name: str,
        kind: str,
        reads: Sequence[str],
        shape: Sequence[int],
        *,
        weights: Sequence[Sequence[int]] = (),
        dtype: str | None = None,
        **attrs: object,
    ) -> str:
        """Appends an operator with one output and returns the output's name."""
        constants = [self.value(w) for w in weights]
        fmt = self.specs[reads[0]].fmt if len(shape) == len(self.shape(reads[0])) else "ND"
        out = self.value(shape, dtype, fmt)
        names = [*reads, *constants]
        op = Op(op_name, kind, [self.specs[n] for n in names], [self.specs[out]], attrs or None)
        self.nodes.append(Node(op, names, [out], constants))
        return out

    def conv(  # noqa: PLR0913, PLR0917 - a convolution has these settings
        self,
        x: str,
        out: int,
        k: int | tuple[int, int],
        stride: int = 1,
        pad: int | tuple[int, int] | None = None,
        groups: int = 1,
        act: str | None = "Relu",
    ) -> str:
        """A convolution with batch normalisation folded in by the exporter, and an activation."""
        n, c, h, w = self.shape(x)
        kh, kw = (k, k) if isinstance(k, int) else k
        if pad is None:
            pad = (kh // 2, kw // 2)
        ph, pw = (pad, pad) if isinstance(pad, int) else pad
        ho, wo = (h + 2 * ph - kh) // stride + 1, (w + 2 * pw - kw) // stride + 1
        weight = (out, c // groups, kh, kw)
        y = self.add("Conv2D", "conv2d", [x], (n, out, ho, wo), weights=[weight, (out,)], groups=groups)
        return self.act(y, act) if act else y

    def act(self, x: str, name: str) -> str:
        """An element-wise function."""
        return self.add(name, "elementwise", [x], self.shape(x))

    def binary(self, name: str, x: str, y: str) -> str:
        """An element-wise function of two values; the first has the output's shape."""
        return self.add(name, "elementwise", [x, y], self.shape(x))

    def pool(  # noqa: PLR0913 - a window has these settings
        self, x: str, k: int, stride: int, pad: int = 0, *, ceil: bool = False, name: str = "MaxPool"
    ) -> str:
        """A pooling window."""
        n, c, h, w = self.shape(x)
        extra = stride - 1 if ceil else 0
        ho, wo = (h + 2 * pad - k + extra) // stride + 1, (w + 2 * pad - k + extra) // stride + 1
        return self.add(name, "pool", [x], (n, c, ho, wo), window=k)

    def global_pool(self, x: str) -> str:
        """The mean over height and width."""
        n, c, _, _ = self.shape(x)
        return self.add("GlobalAveragePool", "reduce", [x], (n, c, 1, 1))

    def linear(self, x: str, out: int, act: str | None = None) -> str:
        """A fully connected layer on the last dimension."""
        shape = self.shape(x)
        y = self.add("MatMulV2", "matmul", [x], (*shape[:-1], out), weights=[(shape[-1], out), (out,)])
        return self.act(y, act) if act else y

    def flatten(self, x: str) -> str:
        """A reshape, which costs nothing: no operator."""
        n, *rest = self.shape(x)
        size = 1
        for d in rest:
            size *= d
        y = self.value((n, size))
        self.alias(x, y)
        return y

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """The same memory under another shape."""
        y = self.value(shape)
        self.alias(x, y)
        return y

    def alias(self, x: str, y: str) -> None:
        """Records that y is x's memory."""
        self.nodes.append(Node(Op("Reshape", "view", [self.specs[x]], [self.specs[y]]), [x], [y]))

    def concat(self, xs: Sequence[str]) -> str:
        """A join along the channels."""
        n, _, h, w = self.shape(xs[0])
        return self.add("ConcatD", "concat", xs, (n, sum(self.shape(x)[1] for x in xs), h, w))

    def norm(self, x: str) -> str:
        """Layer normalisation over the last dimension."""
        c = self.shape(x)[-1]
        if self.primitive:
            return self._primitive_norm(x, c)
        return self.add("LayerNorm", "normalization", [x], self.shape(x), weights=[(c,), (c,)])

    def _primitive_norm(self, x: str, c: int) -> str:
        """Layer normalisation as the exporter writes it, operator by operator."""
        shape = self.shape(x)
        one = (*shape[:-1], 1)
        mean = self.add("ReduceMean", "reduce", [x], one)
        centred = self.binary("Sub", x, mean)
        squares = self.binary("Pow", centred, centred)
        variance = self.add("ReduceMean", "reduce", [squares], one)
        deviation = self.act(self.act(variance, "Adds"), "Sqrt")
        y = self.binary("RealDiv", centred, deviation)
        y = self.add("Mul", "elementwise", [y], shape, weights=[(c,)])
        return self.add("Add", "elementwise", [y], shape, weights=[(c,)])

    def gelu(self, x: str) -> str:
        """The Gaussian error linear unit, as one operator or as the exporter writes it."""
        if not self.primitive:
            return self.act(x, "Gelu")
        y = self.act(self.act(self.act(x, "Muls"), "Erf"), "Adds")
        return self.act(self.binary("Mul", y, x), "Muls")


def _classify(b: Builder, x: str, classes: int = 1000) -> None:
    b.linear(b.flatten(b.global_pool(x)), classes)


def vgg16(n: int, dtype: str = "float16") -> list[Node]:
    """VGG-16 (Simonyan, Zisserman 2014), torchvision's vgg16."""
    b = Builder(dtype)
    x = b.image(n, 224)
    for repeat, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(repeat):
            x = b.conv(x, width, 3)
        x = b.pool(x, 2, 2)
    x = b.flatten(x)
    x = b.linear(x, 4096, "Relu")
    x = b.linear(x, 4096, "Relu")
    b.linear(x, 1000)
    return b.nodes


def resnet_basic(n: int, repeats: Sequence[int], dtype: str = "float16") -> list[Node]:
    """A residual network of blocks with two convolutions (He et al. 2015), so many in each stage."""
    b = Builder(dtype)
    x = b.pool(b.conv(b.image(n, 224), 64, 7, 2), 3, 2, 1)
    for stage, (width, repeat) in enumerate(zip((64, 128, 256, 512), repeats, strict=True)):
        for block in range(repeat):
            stride = 2 if stage > 0 and block == 0 else 1
            y = b.conv(b.conv(x, width, 3, stride), width, 3, act=None)
            if stride != 1:
                x = b.conv(x, width, 1, stride, act=None)
            x = b.act(b.binary("Add", y, x), "Relu")
    _classify(b, x)
    return b.nodes


def resnet_bottleneck(n: int, repeats: Sequence[int], dtype: str = "float16") -> list[Node]:
    """A residual network of bottlenecks, version 1.5 (stride in the 3x3), so many in each stage."""
    b = Builder(dtype)
    x = b.pool(b.conv(b.image(n, 224), 64, 7, 2), 3, 2, 1)
    for stage, (width, repeat) in enumerate(zip((64, 128, 256, 512), repeats, strict=True)):
        for block in range(repeat):
            stride = 2 if stage > 0 and block == 0 else 1
            y = b.conv(b.conv(b.conv(x, width, 1), width, 3, stride), width * 4, 1, act=None)
            if block == 0:
                x = b.conv(x, width * 4, 1, stride, act=None)
            x = b.act(b.binary("Add", y, x), "Relu")
    _classify(b, x)
    return b.nodes


def resnet18(n: int, dtype: str = "float16") -> list[Node]:
    """ResNet-18, torchvision's resnet18."""
    return resnet_basic(n, (2, 2, 2, 2), dtype)


def resnet50(n: int, dtype: str = "float16") -> list[Node]:
    """ResNet-50, torchvision's resnet50 and MLPerf's."""
    return resnet_bottleneck(n, (3, 4, 6, 3), dtype)


def squeezenet1_1(n: int, dtype: str = "float16") -> list[Node]:
    """SqueezeNet 1.1 (Iandola et al. 2016), torchvision's squeezenet1_1."""
    b = Builder(dtype)
    x = b.pool(b.conv(b.image(n, 224), 64, 3, 2, 0), 3, 2, ceil=True)
    for i, (squeeze, expand) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    ):
        if i in {2, 4}:
            x = b.pool(x, 3, 2, ceil=True)
        s = b.conv(x, squeeze, 1)
        x = b.concat([b.conv(s, expand, 1), b.conv(s, expand, 3)])
    b.global_pool(b.conv(x, 1000, 1))
    return b.nodes


def mobilenet_v1(n: int, dtype: str = "float16") -> list[Node]:
    """MobileNet v1, width 1.0 (Howard et al. 2017)."""
    b = Builder(dtype)
    x = b.conv(b.image(n, 224), 32, 3, 2)
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for width, stride in rows:
        x = b.conv(x, b.shape(x)[1], 3, stride, groups=b.shape(x)[1])
        x = b.conv(x, width, 1)
    _classify(b, x)
    return b.nodes


def mobilenet_v2(n: int, dtype: str = "float16") -> list[Node]:
    """MobileNet v2, width 1.0 (Sandler et al. 2018), torchvision's mobilenet_v2."""
    b = Builder(dtype)
    x = b.conv(b.image(n, 224), 32, 3, 2, act="Relu6")
    rows = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expand, width, repeat, first in rows:
        for block in range(repeat):
            stride = first if block == 0 else 1
            hidden = b.shape(x)[1] * expand
            y = b.conv(x, hidden, 1, act="Relu6") if expand != 1 else x
            y = b.conv(y, hidden, 3, stride, groups=hidden, act="Relu6")
            y = b.conv(y, width, 1, act=None)
            x = b.binary("Add", y, x) if b.shape(y) == b.shape(x) and stride == 1 else y
    _classify(b, b.conv(x, 1280, 1, act="Relu6"))
    return b.nodes


_V3_SMALL = (
    (3, 16, 16, True, "Relu", 2),
    (3, 72, 24, False, "Relu", 2),
    (3, 88, 24, False, "Relu", 1),
    (5, 96, 40, True, "HardSwish", 2),
    (5, 240, 40, True, "HardSwish", 1),
    (5, 240, 40, True, "HardSwish", 1),
    (5, 120, 48, True, "HardSwish", 1),
    (5, 144, 48, True, "HardSwish", 1),
    (5, 288, 96, True, "HardSwish", 2),
    (5, 576, 96, True, "HardSwish", 1),
    (5, 576, 96, True, "HardSwish", 1),
)


def mobilenet_v3_small(n: int, dtype: str = "float16") -> list[Node]:
    """MobileNet v3 small (Howard et al. 2019), the published model's "mbv3_small"."""
    b = Builder(dtype)
    x = b.conv(b.image(n, 224), 16, 3, 2, act="HardSwish")
    for k, hidden, width, squeeze, act, stride in _V3_SMALL:
        y = b.conv(x, hidden, 1, act=act) if hidden != b.shape(x)[1] else x
        y = b.conv(y, hidden, k, stride, groups=hidden, act=act)
        if squeeze:
            s = b.conv(b.conv(b.global_pool(y), hidden // 4, 1), hidden, 1, act="HardSigmoid")
            y = b.binary("Mul", y, s)
        y = b.conv(y, width, 1, act=None)
        x = b.binary("Add", y, x) if b.shape(y) == b.shape(x) else y
    x = b.flatten(b.global_pool(b.conv(x, 576, 1, act="HardSwish")))
    b.linear(b.linear(x, 1280, "HardSwish"), 1000)
    return b.nodes


def densenet121(n: int, dtype: str = "float16") -> list[Node]:
    """DenseNet-121 (Huang et al. 2016), torchvision's densenet121: normalisation before the convolution."""
    b = Builder(dtype)
    x = b.pool(b.conv(b.image(n, 224), 64, 7, 2), 3, 2, 1)
    for stage, repeat in enumerate((6, 12, 24, 16)):
        for _ in range(repeat):
            y = b.conv(_norm_relu(b, x), 128, 1)
            x = b.concat([x, b.conv(y, 32, 3, act=None)])
        x = _norm_relu(b, x)
        if stage < LAST_STAGE:
            x = b.pool(b.conv(x, b.shape(x)[1] // 2, 1, act=None), 2, 2, name="AvgPool")
    _classify(b, x)
    return b.nodes


def _norm_relu(b: Builder, x: str) -> str:
    c = b.shape(x)[1]
    return b.act(b.add("BNInference", "elementwise", [x], b.shape(x), weights=[(c,), (c,)]), "Relu")


def inception_v3(n: int, dtype: str = "float16") -> list[Node]:
    """Inception v3 (Szegedy et al. 2015), torchvision's inception_v3 without the auxiliary head."""
    b = Builder(dtype)
    x = b.conv(b.image(n, 299), 32, 3, 2, 0)
    x = b.pool(b.conv(b.conv(x, 32, 3, pad=0), 64, 3), 3, 2)
    x = b.pool(b.conv(b.conv(x, 80, 1), 192, 3, pad=0), 3, 2)
    for features in (32, 64, 64):
        x = _inception_a(b, x, features)
    x = b.concat(
        [b.conv(x, 384, 3, 2, 0), b.conv(b.conv(b.conv(x, 64, 1), 96, 3), 96, 3, 2, 0), b.pool(x, 3, 2)]
    )
    for width in (128, 160, 160, 192):
        x = _inception_c(b, x, width)
    y = b.conv(b.conv(b.conv(b.conv(x, 192, 1), 192, (1, 7)), 192, (7, 1)), 192, 3, 2, 0)
    x = b.concat([b.conv(b.conv(x, 192, 1), 320, 3, 2, 0), y, b.pool(x, 3, 2)])
    for _ in range(2):
        x = _inception_e(b, x)
    _classify(b, x)
    return b.nodes


def _inception_a(b: Builder, x: str, features: int) -> str:
    five = b.conv(b.conv(x, 48, 1), 64, 5)
    three = b.conv(b.conv(b.conv(x, 64, 1), 96, 3), 96, 3)
    pooled = b.conv(b.pool(x, 3, 1, 1, name="AvgPool"), features, 1)
    return b.concat([b.conv(x, 64, 1), five, three, pooled])


def _inception_c(b: Builder, x: str, width: int) -> str:
    seven = b.conv(b.conv(b.conv(x, width, 1), width, (1, 7)), 192, (7, 1))
    double = b.conv(b.conv(x, width, 1), width, (7, 1))
    double = b.conv(b.conv(b.conv(double, width, (1, 7)), width, (7, 1)), 192, (1, 7))
    pooled = b.conv(b.pool(x, 3, 1, 1, name="AvgPool"), 192, 1)
    return b.concat([b.conv(x, 192, 1), seven, double, pooled])


def _inception_e(b: Builder, x: str) -> str:
    three = b.conv(x, 384, 1)
    double = b.conv(b.conv(x, 448, 1), 384, 3)
    pooled = b.conv(b.pool(x, 3, 1, 1, name="AvgPool"), 192, 1)
    parts = [b.conv(three, 384, (1, 3)), b.conv(three, 384, (3, 1))]
    parts += [b.conv(double, 384, (1, 3)), b.conv(double, 384, (3, 1))]
    return b.concat([b.conv(x, 320, 1), *parts, pooled])


def _encoder(b: Builder, x: str, heads: int, *, first: bool, padded: bool = False) -> str:
    """One transformer layer on [batch, tokens, width].

    `first`: normalisation before, and query, key and value in one product (ViT), or after (BERT).
    `padded`: rows are filled up to whole fractals around the attention, by a slice and a join.
    """
    n, t, c = b.shape(x)
    d = c // heads
    if first:
        q, k, v = _joint_heads(b, b.norm(x), heads, padded=padded)
    else:
        q, k, v = (_heads(b, b.linear(x, c), (n, t, heads, d)) for _ in range(3))
    scores = b.add("BatchMatMulV2", "matmul", [q, k], (n, heads, t, t), transpose_b=True)
    scores = b.add("Muls", "elementwise", [scores], (n, heads, t, t))
    if not first:
        scores = b.add("Add", "elementwise", [scores], (n, heads, t, t), weights=[(n, 1, 1, t)])
    scores = b.add("SoftmaxV2", "softmax", [scores], (n, heads, t, t))
    y = b.add("BatchMatMulV2", "matmul", [scores, v], (n, heads, t, d))
    y = b.add("TransposeD", "transpose", [y], (n, t, heads, d))
    y = b.linear(b.reshape(y, (n, t, c)), c)
    if padded:
        y = b.add("ConcatD", "copy", [y], (n, t, c))
    x = b.binary("Add", y, x)
    if not first:
        x = b.norm(x)
    y = b.norm(x) if first else x
    x = b.binary("Add", b.linear(b.gelu(b.linear(y, 4 * c)), c), x)
    return x if first else b.norm(x)


def _joint_heads(b: Builder, x: str, heads: int, *, padded: bool) -> list[str]:
    """Query, key and value from one product (timm's qkv); transposed, they lie one after the other."""
    n, t, c = b.shape(x)
    d = c // heads
    y = b.linear(x, 3 * c)
    if padded:
        y = b.add("SliceD", "copy", [y], (n, t, 3 * c))
    y = b.add("TransposeD", "transpose", [b.reshape(y, (n, t, 3, heads, d))], (3, n, heads, t, d))
    parts = []
    for _ in range(3):
        part = b.value((n, heads, t, d))
        b.alias(y, part)
        parts.append(part)
    return parts


def _heads(b: Builder, x: str, shape: tuple[int, int, int, int]) -> str:
    n, t, h, d = shape
    return b.add("TransposeD", "transpose", [b.reshape(x, shape)], (n, h, t, d))


def vit(  # noqa: PLR0913 - a transformer has these settings
    n: int,
    width: int,
    heads: int,
    *,
    size: int = 224,
    patch: int = 16,
    primitive: bool = False,
    padded: bool = False,
) -> list[Node]:
    """A vision transformer of twelve layers (Dosovitskiy et al. 2020) on square images of `size` pixels.

    `padded`: rows are filled up to whole fractals around the attention.
    """
    b = Builder(primitive=primitive)
    patches = (size // patch) ** 2
    tokens = patches + 1
    x = b.conv(b.image(n, size), width, patch, patch, 0, act=None)
    x = b.add("TransposeD", "transpose", [b.reshape(x, (n, width, patches))], (n, patches, width))
    x = b.add("ConcatD", "copy", [x], (n, tokens, width), weights=[(n, 1, width)])
    x = b.add("Add", "elementwise", [x], (n, tokens, width), weights=[(1, tokens, width)])
    for _ in range(12):
        x = _encoder(b, x, heads, first=True, padded=padded)
    b.linear(b.add("GatherV2", "gather", [b.norm(x)], (n, width)), 1000)
    return b.nodes


def vit_base(n: int) -> list[Node]:
    """ViT-B/16 at 224 (Dosovitskiy et al. 2020), timm's vit_base_patch16_224.

    Its page fills rows up to whole fractals before it converts the model (opt_vit.py beside it).
    """
    return vit(n, 768, 12, padded=True)


def vit_small(n: int) -> list[Node]:
    """ViT-S/16 at 224, timm's vit_small_patch16_224.

    Its page is older than ViT-B's: Gelu and layer normalisation are taken as the operators the exporter
    writes, which later compilers join. An assumption; it explains why the model is hardly faster than ViT-B.
    """
    return vit(n, 384, 6, primitive=True)


def bert(n: int, *, layers: int, width: int, heads: int, tokens: int) -> list[Node]:
    """BERT with the question-answering head (Devlin et al. 2018), Hugging Face's bert-*-uncased."""
    b = Builder()
    ids = b.value((n, tokens), "int64")
    x = b.add("GatherV2", "gather", [ids], (n, tokens, width), weights=[(30522, width)])
    x = b.add("Add", "elementwise", [x], b.shape(x), weights=[(1, tokens, width)])
    x = b.norm(b.add("Add", "elementwise", [x], b.shape(x), weights=[(1, tokens, width)]))
    for _ in range(layers):
        x = _encoder(b, x, heads, first=False)
    b.linear(x, 2)
    return b.nodes


def bert_base(n: int) -> list[Node]:
    """BERT base at 384 tokens."""
    return bert(n, layers=12, width=768, heads=12, tokens=384)


def bert_large(n: int) -> list[Node]:
    """BERT large at 384 tokens."""
    return bert(n, layers=24, width=1024, heads=16, tokens=384)


NETWORKS: dict[str, Callable[[int], list[Node]]] = {
    "VGG16": vgg16,
    "Resnet18": resnet18,
    "Resnet50": resnet50,
    "Squeezenet1_1": squeezenet1_1,
    "MobileNet-v1": mobilenet_v1,
    "MobileNetV2": mobilenet_v2,
    "MobileNetV3": mobilenet_v3_small,
    "Densenet121": densenet121,
    "InceptionV3": inception_v3,
    "ViT_base": vit_base,
    "vit-small": vit_small,
    "Bert_base": bert_base,
    "Bert_large": bert_large,
}
