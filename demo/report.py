"""The verdict as a person reads it."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from latency import Latency
from night import Night
from verdict import Check

_MOST_SHOWN: Final = 10
"""Disagreements of one check that are listed; the rest are counted."""


def title(night: Night, speed: int) -> RenderableType:
    """Return what is said at the beginning."""
    return Padding(Text(f"The night of {night}: {len(night.expids)} exposures, {speed} times as fast", "bold"), (1, 2))


def report(checks: Sequence[Check], delays: Latency | None, seconds: float) -> RenderableType:
    """Return the verdict, ready to be printed.

    Args:
        checks: What was checked.
        delays: From the commit to the call in the QLF process.
        seconds: How long the demo took.
    """
    lines: list[RenderableType] = [_table(checks), Text()]
    lines += [Text(f"Latency from the commit to the call in QLF: {delays}")] if delays else []
    return Padding(Group(*lines, Text(), *_conclusion(checks, seconds)), (1, 2))


def _table(checks: Sequence[Check]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for check in checks:
        mark = Text("✗", style="bold red") if check.disagreements else Text("✓", style="green")
        table.add_row(mark, check.name, str(check.count), Text(check.what))
    return table


def _conclusion(checks: Sequence[Check], seconds: float) -> list[RenderableType]:
    disagreements = sum(len(check.disagreements) for check in checks)
    if not disagreements:
        return [Text("Both ends agree.", style="bold green").append(f"  {seconds:.0f} s", style="dim not bold")]
    headline = f"{disagreements} disagreement{'s' if disagreements > 1 else ''}:"
    return [Text(headline, style="bold red"), *(line for check in checks for line in _listed(check))]


def _listed(check: Check) -> list[Text]:
    more = len(check.disagreements) - _MOST_SHOWN
    shown = [Text(f"{check.name}: {text}") for text in check.disagreements[:_MOST_SHOWN]]
    return [*shown, Text(f"{check.name}: and {more} more", style="dim")] if more > 0 else shown
