"""The explorables: the whole stack is in the drawing, and what moves needs no kernel."""

from __future__ import annotations

import re

import pytest
from explorables import launch, stack

IN_ITS_LAYER = {
    "language": {"AscendCL"},
    "service": {
        *{"AOL", "NN library", "BLAS library", "AOE", "OPAT", "SGAT", "GDAT", "AMCT"},
        "Framework Adaptor",
    },
    "compilation": {"Graph Compiler", "TBE"},
    "execution": {"Runtime", "Graph Executor", "DVPP", "AIPP", "HCCL"},
    "base": {"SVM", "VM", "HDC"},
}


def test_every_component_is_in_its_layer() -> None:
    """The five layers, top to bottom, hold exactly the components of CANN's architecture picture."""
    found = {layer.key: {component.name for component in layer.components} for layer in stack.LAYERS}
    assert found == IN_ITS_LAYER
    assert list(found) == list(IN_ITS_LAYER)


def test_parts_are_inside_their_component() -> None:
    """The libraries belong to AOL, the four tuners to AOE, and nothing else to anything."""
    inside = {component.name: component.inside for component in stack.COMPONENTS if component.inside}
    libraries = dict.fromkeys(("NN library", "BLAS library"), "AOL")
    assert inside == libraries | dict.fromkeys(("OPAT", "SGAT", "GDAT", "AMCT"), "AOE")


@pytest.mark.parametrize("component", stack.COMPONENTS, ids=lambda component: component.name)
def test_every_component_is_explained(component: stack.Component) -> None:
    """Each has a Chinese name, says what it does, where one meets it and which chapter works with it."""
    assert re.search(r"[\u4e00-\u9fff]", component.chinese)
    assert component.does.endswith(".")
    assert component.met.endswith(".")
    assert component.chapter


@pytest.mark.parametrize("component", stack.COMPONENTS, ids=lambda component: component.name)
def test_the_drawing_highlights_one_component_and_its_layer(component: stack.Component) -> None:
    """Exactly one box and one layer are marked, and the text for the blind names the component."""
    drawing = stack.stack_map(component.name)
    marked = re.findall(r'class="box(?: group)? on" data-pick="(\d+)"', drawing)
    assert [stack.COMPONENTS[int(number)].name for number in marked] == [component.name]
    assert len(re.findall(r'class="layer \w+ on"', drawing)) == 1
    assert f"highlighted: {component.name}" in drawing


def test_an_unknown_component_is_refused() -> None:
    """A misspelt name is an error that lists the names, not a drawing without a highlight."""
    with pytest.raises(KeyError, match="no component 'ASCENDCL': choose from"):
        stack.stack_map("ASCENDCL")


def test_list_and_pictures_agree() -> None:
    """Entry number n of the list shows picture number n, and the tie is made in the browser."""
    picker, shown = stack.stack_explorer().children
    assert len(picker.options) == len(shown.children) == len(stack.COMPONENTS)
    for (label, _), page, component in zip(picker.options, shown.children, stack.COMPONENTS, strict=True):
        assert label.strip() == component.name
        assert f"highlighted: {component.name}" in page.value


def test_the_slider_shows_what_was_measured() -> None:
    """Each frame holds its own size, time and share of the peak: 2·n³ operations in that time."""
    slider, shown = launch.launch_explorer({16: 4.0, 1024: 10.0}, peak_tflops=294.9).children
    assert [label for label, _ in slider.options] == ["16 \u00d7 16", "1024 \u00d7 1024"]
    small, large = (frame.value for frame in shown.children)
    assert "4.00 µs" in small
    assert "1 multiplication of" in small
    assert "10.0 µs" in large
    assert "215 TFLOP/s" in large  # 2 * 1024**3 / 10 µs
    assert "72.8 %" in large
    assert "262,144 multiplications" in large


def test_bars_stay_inside_their_track() -> None:
    """A share above the peak, which a wrong constant would give, does not draw beyond the frame."""
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", launch.frame(4096, 1.0, 1.0, 1.0))]
    assert widths == [100.0, 100.0]
