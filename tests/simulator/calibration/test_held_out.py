"""The networks that the fit never saw: that it did not, and that their graphs are those networks."""

from collections import Counter

import pytest
from calibration.held_out import held_out, predict_held_out
from calibration.networks import resnet_basic, resnet_bottleneck, vit
from calibration.published import rows


def test_no_held_out_figure_is_in_the_table_of_the_fit():
    """A figure that was fitted proves nothing about others."""
    fitted = {row.fps for row in rows()}
    assert fitted.isdisjoint(row.fps for row in held_out())


def test_every_held_out_figure_names_its_page_and_stands_once():
    """Network and batch occur once, each with a positive figure and a source."""
    every = held_out()
    assert max(Counter((row.network, row.batch) for row in every).values()) == 1
    assert all(row.fps > 0 and row.source.startswith("Ascend/ModelZoo-PyTorch@") for row in every)


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        (resnet_basic(1, (3, 4, 6, 3)), 36),
        (resnet_bottleneck(1, (3, 4, 23, 3)), 104),
        (resnet_bottleneck(1, (3, 8, 36, 3)), 155),
    ],
    ids=["ResNet-34", "ResNet-101", "ResNet-152"],
)
def test_a_residual_network_has_its_convolutions(nodes, count):
    """As many as torchvision's, the shortcuts included."""
    assert sum(node.op.kind == "conv2d" for node in nodes) == count


@pytest.mark.parametrize(("size", "patch", "tokens"), [(224, 16, 197), (224, 32, 50), (384, 16, 577)])
def test_a_transformer_has_its_tokens(size, patch, tokens):
    """A token for each patch, and one for the class."""
    attention = [node.op for node in vit(2, 768, 12, size=size, patch=patch) if node.op.name == "SoftmaxV2"]
    assert len(attention) == 12
    assert attention[0].outputs[0].shape == (2, 12, tokens, tokens)


def test_a_prediction_is_a_throughput():
    """Images a second, positive, and the same each time."""
    row = held_out()[0]
    assert predict_held_out(row) == predict_held_out(row) > 0


@pytest.mark.slow
def test_it_holds_on_networks_that_were_never_fitted():
    """On held-out networks: median error 15 % at most, five in six within 35 %, none off by half."""
    errors = sorted(abs(predict_held_out(row) / row.fps - 1) for row in held_out())
    assert errors[len(errors) // 2] <= 0.15
    assert sum(error <= 0.35 for error in errors) >= len(errors) * 5 / 6
    assert errors[-1] < 0.5
