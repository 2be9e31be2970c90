"""How far a training comes with more cards and the same samples, by what is done about the learning rate.

The trainings run while the page is built. The step of several cards is one step with the samples of all, for
the mean of their gradients is its gradient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from explorables.slider import slider_over

if TYPE_CHECKING:
    import ipywidgets as widgets  # type: ignore[import-untyped]

SAMPLES, INPUTS, HIDDEN = 1024, 8, 64
BATCH, RATE, EPOCHS, WARM_UP = 16, 0.02, 8, 2  # of one card; epochs of training, and of warming up
CARDS = (1, 2, 4, 8, 16, 32)
LOW, HIGH = 0.15, 2.5  # the losses shown
WIDTH, HEIGHT, LEFT, BOTTOM = 560, 250, 48, 32


class Rule(NamedTuple):
    """What is done about the rate: its name, its colour and dashes, whether it grows, whether it warms up."""

    name: str
    colour: str
    dash: str
    grows: bool = False
    warms: bool = False


RULES = (
    Rule("rate of one card", "--camp-quiet", "3 3"),
    Rule("rate \N{MULTIPLICATION SIGN} cards", "--camp-warm", "9 4", grows=True),
    Rule("rate \N{MULTIPLICATION SIGN} cards, with warm-up", "--camp-accent", "", grows=True, warms=True),
)


def train(cards: int, rule: Rule) -> list[float]:
    """The mean squared error over all samples, before the training and after each epoch.

    Args:
        cards: how many share each step, with `BATCH` samples each.
        rule: what is done about the learning rate.
    """
    make = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES, INPUTS, generator=make, dtype=torch.float64)
    noise = 0.1 * torch.randn(SAMPLES, 1, generator=make, dtype=torch.float64)
    y = torch.sin(x[:, : INPUTS // 2]).sum(1, keepdim=True) + noise
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    steps = SAMPLES // (BATCH * cards)
    errors = [nn.functional.mse_loss(model(x), y).item()]
    for epoch in range(EPOCHS):
        for step, batch in enumerate(torch.randperm(SAMPLES, generator=make).chunk(steps)):
            optimizer.param_groups[0]["lr"] = rate(cards, rule, (epoch * steps + step) / steps)
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        errors.append(nn.functional.mse_loss(model(x), y).item())
    return errors


def rate(cards: int, rule: Rule, epochs: float) -> float:
    """The learning rate after so many epochs."""
    full = RATE * (cards if rule.grows else 1)
    return RATE + (full - RATE) * min(1.0, epochs / WARM_UP) if rule.warms else full


def _place(epoch: int, error: float) -> str:
    error = HIGH if not math.isfinite(error) else min(HIGH, max(LOW, error))
    x = LEFT + epoch / EPOCHS * (WIDTH - LEFT - 8)
    y = 8 + math.log(HIGH / error) / math.log(HIGH / LOW) * (HEIGHT - BOTTOM - 8)
    return f"{x:.1f},{y:.1f}"


def _grid() -> str:
    lines = []
    for value in (0.2, 0.5, 1.0, 2.0):
        y = _place(0, value).partition(",")[2]
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y}" y2="{y}" stroke="var(--camp-line)"/>'
            f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    for epoch in range(0, EPOCHS + 1, 2):
        x = _place(epoch, 1.0).partition(",")[0]
        lines.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{epoch}</text>')
    return "".join(lines)


def _told(error: float) -> str:
    return f"{error:.3f}" if math.isfinite(error) and error < HIGH else "runs away"


def frame(cards: int, errors: list[list[float]]) -> str:
    """Draw the trainings with one number of cards.

    Args:
        cards: the number.
        errors: of each of `RULES`, as `train` gives them.
    """
    curves = "".join(
        f'<polyline points="{" ".join(_place(n, e) for n, e in enumerate(row))}" fill="none" '
        f'stroke="var({rule.colour})" stroke-width="2.5" stroke-dasharray="{rule.dash}"/>'
        for rule, row in zip(RULES, errors, strict=True)
    )
    steps = SAMPLES // (BATCH * cards)
    said = [f"{rule.name}: {_told(row[-1])}" for rule, row in zip(RULES, errors, strict=True)]
    keys = "".join(
        f'<li><svg width="34" height="8" aria-hidden="true"><line x1="0" x2="34" y1="4" y2="4" '
        f'stroke="var({rule.colour})" stroke-width="2.5" stroke-dasharray="{rule.dash}"/></svg> {text}</li>'
        for rule, text in zip(RULES, said, strict=True)
    )
    label = f"Loss over {EPOCHS} epochs with {cards} cards. " + "; ".join(said)
    return (
        f"<p><strong>{cards} card{'s' * (cards > 1)}</strong>: {BATCH * cards} samples a step, "
        f"{steps} steps an epoch, rate {RATE:g} or {RATE * cards:g}</p>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 6}" role="img" aria-label="{label}" fill="currentColor" '
        f'font-size="12" style="max-width:100%">{_grid()}{curves}'
        f'<text x="{WIDTH - 8}" y="{HEIGHT + 1}" text-anchor="end">epochs</text></svg>'
        f'<p>Loss after {EPOCHS} epochs:</p><ul style="list-style:none;padding-left:0">{keys}</ul>'
    )


def scaling_explorer() -> widgets.Box:
    """Make the explorable: a slider over the number of cards, and the losses of the trainings with them."""
    frames = {f"{cards}": frame(cards, [train(cards, rule) for rule in RULES]) for cards in CARDS}
    return slider_over(frames, "Cards")
