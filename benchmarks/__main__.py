"""``python -m benchmarks [--quick] [NAME...]``: measure, show, and write down.

A run writes ``docs/benchmarks/latest.json``, the table in ``docs/benchmarks/README.md`` and the plots beside them; one
of some operations leaves the others' figures as they are. A quick one writes nothing.
"""

import argparse
import importlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.measure import Curve, Result
from benchmarks.report import show, write_down
from benchmarks.servers import Servers
from benchmarks.trees import remove

SCRIPTS: Final = (
    "start_up",
    "fetch_local",
    "fetch_rsync",
    "wake_up",
    "queries",
    "attach",
    "fetch_new",
    "live_latency",
    "live_rate",
    "live_healing",
    "live_growth",
    "healing",
    "audit",
    "followers",
    "idle",
)
"""One an operation, in the order in which they run: what needs no server, what needs PostgreSQL alone, the rest."""

ONLY_IF_NAMED: Final = ("healing_long",)
"""Those that take too long for every day."""


def main() -> int:
    """Run what is asked for; the exit code is 1 if a target is not met."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # daemons and servers end with who started them
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SCRIPTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller, in a few minutes; writes nothing down")
    asked = parser.parse_args()
    known = (*SCRIPTS, *ONLY_IF_NAMED)
    unknown = sorted(set(asked.names) - set(known))
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}: there are {', '.join(known)}")
    measured = list(_run(asked.names or SCRIPTS, quick=asked.quick))
    results = [each for each in measured if isinstance(each, Result)]
    if not asked.quick:
        curves = [each for each in measured if isinstance(each, Curve)]
        write_down(results, curves, Path(__file__).parents[1] / "docs" / "benchmarks")
    return 0 if all(result.met for result in results) else 1


def _run(names: Sequence[str], *, quick: bool) -> Iterator[Result | Curve]:
    with tempfile.TemporaryDirectory(prefix="exposure-bus-bench-") as folder, Servers(Path(folder)) as servers:
        for name in names:
            began = time.monotonic()
            work = Path(folder) / name
            work.mkdir()
            for measured in importlib.import_module(f"benchmarks.{name}").run(work, servers, quick=quick):
                if isinstance(measured, Result):
                    show(measured)
                yield measured
            servers.clear()
            remove(work)
            print(f"{name} took {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
