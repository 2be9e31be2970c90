"""The five layers of CANN: every component in its place, as a drawing and as an explorable.

The layers and their components are those of the CANN architecture picture; the page names the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

MAP_ALT = "The five layers of CANN from top to bottom, with their components"


@dataclass(frozen=True)
class Component:
    """One box of the drawing.

    Attributes:
        name: what everybody calls it.
        full: what the abbreviation stands for.
        chinese: the name in Chinese documents.
        does: what it does, in a sentence or two.
        met: where a practitioner notices it.
        chapter: the chapter that works with it; `page` is its address from this page, if it exists.
        inside: the name of the component that contains it.
    """

    name: str
    full: str
    chinese: str
    does: str
    met: str
    chapter: str
    page: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Layer:
    """One row of the drawing."""

    key: str
    name: str
    chinese: str
    components: tuple[Component, ...]


LAYERS = (
    Layer(
        "language",
        "Computing language",
        "昇腾计算语言",
        (
            Component(
                "AscendCL",
                "Ascend Computing Language",
                "昇腾计算语言",
                "The one interface that programs call: devices, contexts, streams, memory, models, "
                "single operators, media and graphs. All that lies below is reached through it.",
                "In C as <code>aclrtMalloc</code>, in Python as <code>acl.rt.malloc</code>. torch_npu calls it "
                "for you.",
                "Part 3 · Applications with AscendCL",
            ),
        ),
    ),
    Layer(
        "service",
        "Service layer",
        "昇腾计算服务层",
        (
            Component(
                "AOL",
                "Ascend Operator Library",
                "昇腾算子库",
                "Operators written and tuned for the chip, ready to be called. Two libraries make up most of it.",
                "As operator names in a profile, and as <code>aclnn…</code> in error messages.",
                "Part 2 · Profiling and tuning",
            ),
            Component(
                "NN library",
                "Neural Network library",
                "神经网络库",
                "The operators of neural networks: convolution, normalisation, activation, pooling, attention.",
                "Whenever a layer of your model runs on the NPU.",
                "Hello NPU",
                "hello-npu.html",
                "AOL",
            ),
            Component(
                "BLAS library",
                "Basic Linear Algebra Subprograms",
                "线性代数计算库",
                "Products of vectors and matrices, the kind of work the Cube unit was built for.",
                "In every linear layer: a product of matrices and a sum.",
                "Hello NPU",
                "hello-npu.html",
                "AOL",
            ),
            Component(
                "AOE",
                "Ascend Optimization Engine",
                "昇腾调优引擎",
                "Tries variants of operators and graphs on the real chip, measures them, and keeps the best.",
                "As the command <code>aoe</code>, when a profile shows slow operators that you cannot rewrite.",
                "Part 2 · Profiling and tuning",
            ),
            Component(
                "OPAT",
                "Operator Auto Tuning",
                "算子调优",
                "Searches a better schedule for single operators, and stores what it finds for later compilations.",
                "Run it after SGAT: only then have the operators their final shapes.",
                "Part 2 · Profiling and tuning",
                inside="AOE",
            ),
            Component(
                "SGAT",
                "SubGraph Auto Tuning",
                "子图调优",
                "Searches how to cut a graph into pieces, and writes the tuned model.",
                "The first of the two tunings that are recommended for a model.",
                "Part 2 · Profiling and tuning",
                inside="AOE",
            ),
            Component(
                "GDAT",
                "Gradient Auto Tuning",
                "梯度调优",
                "Searches how gradients are best joined into AllReduce messages, so that sending them hides "
                "behind the backward pass.",
                "In training on several cards, when steps end with cards that wait.",
                "Part 2 · Several cards and HCCL",
                inside="AOE",
            ),
            Component(
                "AMCT",
                "Ascend Model Compression Toolkit",
                "昇腾模型压缩工具",
                "Makes models smaller: quantisation to 8 bits, tensor decomposition, fused operators.",
                "Before a model is converted for a small device.",
                "Part 3 · Converting a model with ATC",
                inside="AOE",
            ),
            Component(
                "Framework Adaptor",
                "Framework Adaptor",
                "框架适配器",
                "Lets a framework use the NPU as one more device, with its own API unchanged.",
                "For PyTorch it is the package <code>torch_npu</code>.",
                "Hello NPU",
                "hello-npu.html",
            ),
        ),
    ),
    Layer(
        "compilation",
        "Compilation layer",
        "昇腾计算编译层",
        (
            Component(
                "Graph Compiler",
                "Graph Compiler",
                "图编译器",
                "Turns a whole graph into a model for one kind of chip: fuses operators, plans memory, "
                "spreads work over streams.",
                "As the command <code>atc</code>, which writes an <code>.om</code> file.",
                "Part 3 · Converting a model with ATC",
            ),
            Component(
                "TBE",
                "Tensor Boost Engine",
                "张量加速引擎",
                "Compiles single operators, and is the tool for writing new ones in Python.",
                "When an operator meets a new shape and the first call takes long.",
                "Part 2 · Missing operators and dynamic shapes",
            ),
        ),
    ),
    Layer(
        "execution",
        "Execution layer",
        "昇腾计算执行层",
        (
            Component(
                "Runtime",
                "Runtime",
                "运行时",
                "Owns devices, contexts, streams, events and device memory, and hands tasks to the chip in order.",
                "As six-digit codes, say 107002 (no context) or 507015 (the AI Core failed).",
                "Hello NPU",
                "hello-npu.html",
            ),
            Component(
                "Graph Executor",
                "Graph Executor",
                "图执行器",
                "Loads a compiled model onto the device and starts it as one task instead of one per operator.",
                "As <code>acl.mdl.load_from_file</code> and <code>acl.mdl.execute</code>.",
                "Part 3 · Running a model",
            ),
            Component(
                "DVPP",
                "Digital Vision Pre-Processing",
                "数字视觉预处理",
                "Hardware of its own beside the AI Cores: decodes and encodes pictures and video, crops, resizes.",
                "When a picture comes back wider than it went in: widths are padded to 16.",
                "Part 3 · DVPP and AIPP",
            ),
            Component(
                "AIPP",
                "Artificial Intelligence Pre-Processing",
                "人工智能预处理",
                "Colour conversion, cropping, padding and normalisation on the AI Core, as the first step of a model.",
                "As <code>--insert_op_conf</code> of <code>atc</code>, and when colours or accuracy are off.",
                "Part 3 · DVPP and AIPP",
            ),
            Component(
                "HCCL",
                "Huawei Collective Communication Library",
                "华为集合通信库",
                "AllReduce, Broadcast, AllGather and their like between cards, over HCCS, RoCE or PCIe.",
                'As <code>backend="hccl"</code>, and as codes that begin with EI.',
                "Part 2 · Several cards and HCCL",
            ),
        ),
    ),
    Layer(
        "base",
        "Base layer",
        "昇腾计算基础层",
        (
            Component(
                "SVM",
                "Shared Virtual Memory",
                "共享虚拟内存",
                "Manages device memory: reserves addresses, maps them to pages, copies, shares.",
                "In the driver's logs, when an allocation or a copy fails.",
                "Part 3 · Devices, contexts, streams, memory",
            ),
            Component(
                "VM",
                "Virtual Machine (device virtualisation)",
                "设备虚拟化",
                "Divides a chip into virtual devices, so that several users can share it.",
                "When a container sees fewer AI Cores than the data sheet promises.",
                "Part 0 · Setting up",
            ),
            Component(
                "HDC",
                "Host Device Communication",
                "主机-设备通信",
                "Carries messages between host and device.",
                "In logs with HDC in them: the device stopped answering.",
                "Part 3 · Logs and finding faults",
            ),
        ),
    ),
)

COMPONENTS = tuple(component for layer in LAYERS for component in layer.components)


def _box(component: Component, selected: str, inner: str = "") -> str:
    """Draw one component, and in it the boxes `inner`."""
    classes = "box" + (" group" if inner else "") + (" on" if component.name == selected else "")
    name = f'<span class="name" lang="en">{escape(component.name)}</span>'
    body = f'{name}<span class="inner">{inner}</span>' if inner else name
    return f'<span class="{classes}" data-pick="{COMPONENTS.index(component)}">{body}</span>'


def _boxes(layer: Layer, selected: str) -> str:
    """Draw the components of a layer, those of a group inside it."""
    drawn = []
    for component in layer.components:
        if component.inside:
            continue
        parts = [other for other in layer.components if other.inside == component.name]
        drawn.append(_box(component, selected, "".join(_box(part, selected) for part in parts)))
    return "".join(drawn)


def stack_map(selected: str = "") -> str:
    """Draw the five layers as HTML; the component named `selected` is highlighted.

    Raises:
        KeyError: there is no component of that name.
    """
    names = {component.name for component in COMPONENTS}
    if selected and selected not in names:
        raise KeyError(f"no component {selected!r}: choose from {sorted(names)}")
    rows = []
    for layer in LAYERS:
        on = " on" if selected in {component.name for component in layer.components} else ""
        rows.append(
            f'<div class="layer {layer.key}{on}"><div class="label">{layer.name}'
            f'<span class="zh" lang="zh">{layer.chinese}</span></div>'
            f'<div class="boxes">{_boxes(layer, selected)}</div></div>'
        )
    alt = f"{MAP_ALT}; highlighted: {selected}" if selected else MAP_ALT
    return f'<div class="camp-map" role="img" aria-label="{escape(alt)}">{"".join(rows)}</div>'


def card(layer: Layer, component: Component) -> str:
    """Describe one component as HTML."""
    place = f"{layer.name}" + (f", inside {component.inside}" if component.inside else "")
    chapter = f'<a href="{component.page}">{component.chapter}</a>' if component.page else component.chapter
    full = "" if component.full == component.name else f'<span class="full">{escape(component.full)}</span>'
    return (
        f'<div class="camp-card"><p class="head"><strong>{escape(component.name)}</strong>'
        f'<span class="zh" lang="zh">{component.chinese}</span>{full}</p>'
        f"<p>{component.does}</p>"
        f"<dl><dt>Layer</dt><dd>{place}</dd>"
        f"<dt>You meet it</dt><dd>{component.met}</dd>"
        f"<dt>Chapter</dt><dd>{chapter}</dd></dl></div>"
    )


def stack_explorer() -> widgets.Box:
    """Make the explorable: pick a component, see where it is and what it does.

    The list and the pictures are tied in the browser, so that the published page moves with no kernel.
    """
    options = [("\u2003" * bool(item.inside) + item.name, i) for i, item in enumerate(COMPONENTS)]
    picker = widgets.Select(options=options, value=0, rows=len(options), description="Component")
    pages = [
        widgets.HTML(stack_map(component.name) + card(layer, component))
        for layer in LAYERS
        for component in layer.components
    ]
    shown = widgets.Stack(children=pages, selected_index=0)
    widgets.jslink((picker, "index"), (shown, "selected_index"))
    box = widgets.Box([picker, shown])
    box.add_class("camp-explorer")
    return box
