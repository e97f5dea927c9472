"""What was measured: on the screen, as JSON, and as a table in the docs."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Measured, Result

HEAD = """# Benchmarks

Made by `make bench`; each figure is the median of several repeats, with the least and the greatest in brackets, and
ours and the floor were measured by turns in the same run.

"""


def show(result: Result) -> None:
    """Print one result."""
    print(f"{'✓' if result.met else '✗'} {result.operation}")
    print(f"    ours   {_figure(result.ours)} {result.unit}")
    if result.floor:
        print(f"    floor  {_figure(result.floor)} {result.unit}  ({result.floor_is})")
    print(f"    {_verdict(result)}, target {_target(result)}", flush=True)


def write_down(results: Sequence[Result], folder: Path) -> None:
    """Write the newest results, and keep those before under their day."""
    folder.mkdir(parents=True, exist_ok=True)
    latest = folder / "latest.json"
    if latest.exists():
        measured = json.loads(latest.read_text())["measured"]
        shutil.copy(latest, folder / f"{measured[:10]}.json")
    content = {"measured": _now(), "machine": machine(), "operations": {_key(each): _as_json(each) for each in results}}
    latest.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(HEAD + _table(results) + f"\nMeasured {content['measured']} on {machine()}.\n")


def machine() -> str:
    """Describe this machine in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rsync = subprocess.run(["rsync", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, rsync {rsync}"
    )


def _table(results: Sequence[Result]) -> str:
    rows = ["| operation | ours | floor | ratio | target | met |", "| --- | --- | --- | --- | --- | --- |"]
    for each in results:
        floor = f"{_figure(each.floor)} {each.unit}, {each.floor_is}" if each.floor else "–"
        ours = f"{_figure(each.ours)} {each.unit}"
        met = "yes" if each.met else "no"
        rows.append(f"| {each.operation} | {ours} | {floor} | {_verdict(each)} | {_target(each)} | {met} |")
    return "\n".join(rows) + "\n"


def _key(result: Result) -> str:
    return f"{result.operation}; {result.floor_is}" if result.floor else result.operation


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "unit": result.unit,
        "ours": result.ours,
        "floor": result.floor,
        "ratio": result.ratio,
        "target": result.target,
        "met": result.met,
    }


def _figure(measured: Measured) -> str:
    return f"{median(measured):.3g} ({min(measured):.3g} to {max(measured):.3g})"


def _verdict(result: Result) -> str:
    if result.ratio is None:
        return f"{median(result.ours):.3g} {result.unit}"
    return f"{result.ratio:.2f} × {'faster' if result.turned else 'the time'}"


def _target(result: Result) -> str:
    if result.ratio is None:
        return f"≤ {result.target:g} {result.unit}"
    return f"{'≥' if result.turned else '≤'} {result.target:g} ×"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
