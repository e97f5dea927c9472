"""Healing three million exposures, once: whether memory stays flat; several minutes, so only where it is asked for."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.healing import Site, healed
from benchmarks.measure import Curve, Result
from benchmarks.servers import Servers


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    sizes = (3_000, 30_000) if quick else (30_000, 3_000_000)
    for result in healed(Site(work / "SQLite", servers, "SQLite"), sizes, 1):
        if isinstance(result, Result):  # the curves are those of `healing`
            yield result
