"""Measuring ours and the floor by turns, so that whatever else the machine does hits both."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

REPEATS: Final = 5

Measured = list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One operation beside its floor."""

    operation: str
    """What was done."""
    unit: str
    """Of the figures: s, ms, MB/s, messages/s."""
    ours: Measured
    """A figure a repeat."""
    floor: Measured
    """Likewise; empty where the target is a figure of its own."""
    floor_is: str
    """What the floor does."""
    target: float | None
    """The largest ratio, or figure, that is good enough; None where a figure only explains another."""
    turned: bool = False
    """Whether the target is how many times faster than the floor ours has to be."""
    rate: bool = False
    """Whether the figures are rates, of which the target is the least part of the floor's."""

    @property
    def ratio(self) -> float | None:
        """Ours to the floor, or the floor to ours where faster is counted; None without a floor."""
        if not self.floor:
            return None
        ratio = median(self.ours) / median(self.floor)
        return 1 / ratio if self.turned else ratio

    @property
    def cost(self) -> float:
        """What it costs as one number, the less the better: to compare two runs by."""
        ratio = median(self.ours) if self.ratio is None else self.ratio
        return 1 / ratio if self.turned or self.rate else ratio

    @property
    def met(self) -> bool:
        """Whether the target is met, if there is one."""
        if self.target is None:
            return True
        reached = median(self.ours) if self.ratio is None else self.ratio
        return reached >= self.target if self.turned or self.rate else reached <= self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Something that is drawn: how a figure goes with another."""

    name: str
    """Of the file."""
    title: str
    """What it shows."""
    x: str
    """What goes to the right."""
    y: str
    """What goes up."""
    lines: dict[str, list[tuple[float, Measured]]]
    """What each line is, and its points: a figure to the right, and one or several upwards."""
    logarithmic: bool = True
    """Whether both axes are."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def by_turns(*works: Callable[[], float], repeats: int = REPEATS, warm_up: bool = True) -> list[Measured]:
    """Do each work once to warm up, then all of them by turns; return the figures of each.

    Args:
        works: What is done; each returns its figure.
        repeats: How many figures of each.
        warm_up: False where a work takes seconds: one that was cold is no more than the slowest of five.
    """
    for work in works if warm_up else ():
        work()
    figures: list[Measured] = [[] for _ in works]
    for _ in range(repeats):
        for work, measured in zip(works, figures, strict=True):
            measured.append(work())
    return figures
