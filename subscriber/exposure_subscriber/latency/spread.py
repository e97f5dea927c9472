"""How delays spread, from stage to stage: n, p50, p95, p99, max."""

import math
from collections.abc import Sequence
from typing import Any, Final

from exposure_subscriber.latency.passage import Passage

STAGES: Final = (
    ("written", "numbered"),
    ("numbered", "published"),
    ("published", "confirmed"),
    ("published", "received"),
    ("received", "cached"),
    ("cached", "fetched"),
    ("written", "cached"),
    ("written", "fetched"),
)
"""What is told of; the last two are the whole way, until an exposure can be read and until its files can."""

COLUMNS: Final = ("from", "to", "n", "p50_ms", "p95_ms", "p99_ms", "max_ms")

_SHARES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}


def rows_of(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """Return one row a stage.

    Each has how many exposures are known to have gone through it (``n``), and within how many milliseconds half of
    them did, 95 and 99 of 100, and all (None if n is 0), to the microsecond. A delay between two hosts' clocks may be
    negative.
    """
    rows = []
    for begin, end in STAGES:
        delays = sorted(delay for each in passages if (delay := each.delay(begin, end)) is not None)
        shares = {column: _rank(delays, share) for column, share in _SHARES.items()}
        rows.append({"from": begin, "to": end, "n": len(delays)} | shares)
    return rows


def _rank(delays: Sequence[int], share: float) -> float | None:
    """Return, of ascending microseconds, the nearest rank's in milliseconds: a delay that did occur."""
    return delays[max(0, math.ceil(share * len(delays)) - 1)] / 1000 if delays else None
