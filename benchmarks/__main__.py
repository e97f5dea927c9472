"""``python -m benchmarks [--quick] [NAME...]``: measure, show, and write down.

A whole run writes ``docs/benchmarks/latest.json`` and the table in ``docs/benchmarks/README.md``; a quick one, or one
of some operations only, writes nothing.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.measure import Result
from benchmarks.report import show, write_down

SCRIPTS: Final = ("fetch_local", "fetch_rsync", "fetch_new")
"""One an operation, in the order in which they run."""


def main() -> int:
    """Run what is asked for; the exit code is 1 if a target is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SCRIPTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller, in two minutes; writes nothing down")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - set(SCRIPTS))
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}: there are {', '.join(SCRIPTS)}")
    results = list(_run(asked.names or SCRIPTS, quick=asked.quick))
    if not asked.names and not asked.quick:
        write_down(results, Path(__file__).parents[1] / "docs" / "benchmarks")
    return 0 if all(result.met for result in results) else 1


def _run(names: tuple[str, ...] | list[str], *, quick: bool) -> Iterator[Result]:
    for name in names:
        with tempfile.TemporaryDirectory(prefix="exposure-bus-bench-") as work:
            for result in importlib.import_module(f"benchmarks.{name}").run(Path(work), quick=quick):
                show(result)
                yield result


if __name__ == "__main__":
    sys.exit(main())
