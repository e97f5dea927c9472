"""What was measured: on the screen, as JSON, and as a table in the docs."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.measure import Curve, Measured, Result
from benchmarks.plots import draw

HEAD: Final = """# Benchmarks

Made by `make bench`; each figure is the median of several repeats, with the least and the greatest in brackets, and
ours and the floor were measured by turns in the same run. [Performance](../performance.md) tells what the figures mean,
and why a target is not met where one is not. `latest.json` has every repeat; earlier runs lie beside it.

"""

NOTICED: Final = 1.2
"""Factor by which a ratio has to be worse than in the run before to be worth a line."""

DIGITS: Final = 5
"""Of a figure that is kept."""

Kept = dict[str, dict[str, Any]]


def show(result: Result) -> None:
    """Print one result."""
    print(f"{'✓' if result.met else '✗'} {result.operation}")
    print(f"    ours   {_figure(result.ours)} {result.unit}")
    if result.floor:
        print(f"    floor  {_figure(result.floor)} {result.unit}  ({result.floor_is})")
    if result.target is not None:
        print(f"    {_verdict(result)}, target {_target(result)}", flush=True)


def write_down(results: Sequence[Result], curves: Iterable[Curve], folder: Path) -> None:
    """Write the newest results, keep them under their moment too, and say what is slower than in the run before.

    What was not measured this time stays as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    latest = folder / "latest.json"
    before: Kept = json.loads(latest.read_text())["operations"] if latest.exists() else {}
    now, where = _now(), _machine()
    operations = before | {_key(each): _as_json(each) | {"measured": now} for each in results}
    content = {"measured": now, "machine": where, "operations": operations}
    for path in (latest, folder / f"{now[:16].replace(':', '')}.json"):
        path.write_text(json.dumps(content, ensure_ascii=False) + "\n")
    for curve in curves:
        draw(curve, folder)
    (folder / "README.md").write_text(HEAD + _table(operations) + f"\nMeasured on {where}.\n" + _plots(folder))
    _say_what_is_slower(before, operations)


def _say_what_is_slower(before: Kept, now: Kept) -> None:
    for key, each in now.items():
        earlier = before.get(key, each)
        was, been = (_result(one).cost for one in (earlier, each))
        if been > was * NOTICED:
            print(f"slower than at {earlier['measured']}: {key}: {been / was:.2f} × what it was")


def _machine() -> str:
    """Describe this machine in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rsync = subprocess.run(["rsync", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, rsync {rsync}"
    )


def _table(operations: Kept) -> str:
    rows = ["| operation | ours | floor | ratio | target | met | day |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for kept in operations.values():
        each = _result(kept)
        floor = f"{_figure(each.floor)} {each.unit}, {each.floor_is}" if each.floor else "–"
        cells = (
            each.operation,
            f"{_figure(each.ours)} {each.unit}",
            floor,
            _verdict(each),
            _target(each),
            "–" if each.target is None else "yes" if each.met else "no",
            kept["measured"][:10],
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _plots(folder: Path) -> str:
    return "".join(f"\n![{path.stem.replace('-', ' ')}]({path.name})\n" for path in sorted(folder.glob("*.svg")))


def _key(result: Result) -> str:
    return f"{result.operation}; {result.floor_is}" if result.floor else result.operation


def _as_json(result: Result) -> dict[str, Any]:
    shortened = {name: [float(f"{each:.{DIGITS}g}") for each in getattr(result, name)] for name in ("ours", "floor")}
    return asdict(result) | shortened | {"ratio": result.ratio, "met": result.met}


def _result(kept: Mapping[str, Any]) -> Result:
    return Result(**{field.name: kept[field.name] for field in fields(Result)})


def _figure(measured: Measured) -> str:
    if len(measured) == 1:
        return _number(measured[0])
    return f"{_number(median(measured))} ({_number(min(measured))} to {_number(max(measured))})"


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"  # noqa: PLR2004 (from there on three digits are not enough)


def _verdict(result: Result) -> str:
    if result.ratio is None:
        return f"{_number(median(result.ours))} {result.unit}"
    return f"{result.ratio:.2f} × {_compared(result)}"


def _target(result: Result) -> str:
    if result.target is None:
        return "–"
    if result.ratio is None:
        return f"≤ {result.target:g} {result.unit}"
    return f"{'≥' if result.turned or result.rate else '≤'} {result.target:g} ×"


def _compared(result: Result) -> str:
    if result.rate:
        return "the rate"
    return "faster" if result.turned else "the floor's"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
