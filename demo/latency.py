"""How long it took from the commit in the exposureDB to the call in the QLF process."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from truth import Row


@dataclass(frozen=True, kw_only=True)
class Latency:
    """A summary of many delays, in seconds."""

    median: float
    """Half of them were no longer."""
    p99: float
    """99 of 100 were no longer."""

    @classmethod
    def of(cls, delays: Sequence[float]) -> "Latency | None":
        """Summarise delays by the nearest rank; None if there are none."""
        if not delays:
            return None
        return cls(median=_rank(delays, 0.5), p99=_rank(delays, 0.99))

    @classmethod
    def of_calls(cls, rows: Mapping[int, Row], called: Iterable[tuple[int, datetime]]) -> "Latency | None":
        """Summarise the delays from the commits of exposures to their calls, one a call."""
        known = [(rows[expid]["data_written_at"], moment) for expid, moment in called if expid in rows]
        return cls.of([(moment - committed).total_seconds() for committed, moment in known])

    def __str__(self) -> str:
        return f"p50 {_shown(self.median)}, p99 {_shown(self.p99)}"


def _rank(delays: Sequence[float], share: float) -> float:
    return sorted(delays)[max(0, math.ceil(share * len(delays)) - 1)]


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
