"""Curves as small SVG files."""

from pathlib import Path
from statistics import median
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.measure import Curve

SIZE: Final = (6.4, 3.6)
"""Inches."""

MARKED: Final = 20
"""Points of a line up to which each is marked, with its least and greatest figure."""


def draw(curve: Curve, folder: Path) -> None:
    """Draw a curve; each point is the median of its figures, with the least and the greatest as a bar."""
    # Text stays text and nothing is random, so that a drawing is small and changes only when its figures do.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": curve.name, "font.size": 9}):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        for name, points in curve.lines.items():
            _line(axes, name, points)
        axes.set(title=curve.title, xlabel=curve.x, ylabel=curve.y)
        scale = "log" if curve.logarithmic else "linear"
        axes.set(xscale=scale, yscale=scale)
        axes.grid(visible=True, alpha=0.3)
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        figure.savefig(folder / f"{curve.name}.svg", metadata={"Date": None})


def _line(axes: Any, name: str, points: list[tuple[float, list[float]]]) -> None:
    across = [x for x, _ in points]
    middle = [median(ys) for _, ys in points]
    if len(points) > MARKED:
        axes.plot(across, middle, label=name)
        return
    below = [median(ys) - min(ys) for _, ys in points]
    above = [max(ys) - median(ys) for _, ys in points]
    axes.errorbar(across, middle, yerr=[below, above], label=name, marker="o", markersize=4, capsize=2)
