"""The command `npu-advice`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from npusim import UnknownChipError

from npu_advice.errors import AdviceError
from npu_advice.profile import Profile, read_profile
from npu_advice.ranking import rank_operators
from npu_advice.rules import PERCENT, US, advise, step_ns

if TYPE_CHECKING:
    from npu_advice.advice import Advice

TOP = 8
HIDE_TRACEBACK = 2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder")
@click.option("--top", default=TOP, show_default=True, help="How many operators to list.")
@click.option("--soc", default=None, help="The chip of the profile [default: NPUSIM_SOC, or Ascend910B3].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in the place of text.")
def main(folder: str, top: int, soc: str | None, *, as_json: bool) -> None:
    """Say what a training step spends its time on, and what to change.

    FOLDER is what torch_npu's profiler left (its name ends in _ascend_pt), recorded with the activities CPU
    and NPU, and with_stack=True for the lines. Advice is ranked by what it promises: how much shorter a step
    gets at least. The promises are for one change each; apply one, profile again, and ask again.
    """
    try:
        profile = read_profile(folder)
        found = advise(profile, soc)
    except (AdviceError, UnknownChipError) as error:
        click.echo(f"npu-advice: {error}", err=True)
        sys.exit(HIDE_TRACEBACK)
    click.echo(_json(profile, found, top) if as_json else _text(profile, found, top))


def _json(profile: Profile, found: list[Advice], top: int) -> str:
    operators = [
        {"type": r.name, "count": r.launches, "device_us": r.device / US, "host_us": r.host / US}
        for r in rank_operators(profile)[:top]
    ]
    advice = [
        {
            "rule": a.rule,
            "promise_us": a.promise / US,
            "fault": a.fault,
            "fix": a.fix,
            "where": list(a.where),
        }
        for a in found
    ]
    return json.dumps(
        {"step_us": step_ns(profile) / US, "operators": operators, "advice": advice},
        indent=1,
        ensure_ascii=False,
    )


def _text(profile: Profile, found: list[Advice], top: int) -> str:
    total = step_ns(profile)
    busy = sum(call.duration for call in profile.calls) / profile.steps
    lines = [
        (
            f"A step takes {total / US:,.0f} µs; the device works for {busy / US:,.0f} µs of it "
            f"({PERCENT * busy / max(total, 1):.0f} %)."
        ),
        "",
        f"{'operator':26}{'a step':>8}{'device µs':>12}{'to launch µs':>14}",
        *(
            f"{row.name:26}{row.launches:8g}{row.device / US:12,.1f}{row.host / US:14,.1f}"
            for row in rank_operators(profile)[:top]
        ),
        "",
    ]
    for number, advice in enumerate(found, 1):
        share = PERCENT * advice.promise / max(total, 1)
        lines += [
            f"{number}. at least {advice.promise / US:,.0f} µs a step ({share:.0f} %): {advice.fault}",
            f"   -> {advice.fix}",
            *(f"      {place}" for place in advice.where),
        ]
    if not found:
        lines.append("No advice: nothing that these rules know costs half a percent of a step.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
