"""How fresh and how complete the cache is, by what the publisher last said."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from exposure_bus.moments import iso
from exposure_schemas import Span
from exposure_subscriber.cache.database import CacheDatabase
from exposure_subscriber.cache.moments import now_micros, to_moment
from exposure_subscriber.cache.spans import Spans

BEATS_MISSED: Final = 3
"""Heartbeats that may be missing before the publisher counts as silent."""

QUERY: Final = (
    "SELECT epoch, covered, newest, leftovers, heard_at, beat_interval, missing_since, behind "
    "FROM follower WHERE id = 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What the follower knows of its own completeness."""

    epoch: str
    """The ledger that the cache is a copy of; empty before the first message."""
    newest: int
    """The newest sequence number that the publisher has told of."""
    complete_up_to: int
    """Every number up to this one is here."""
    missing: tuple[Span, ...]
    """The numbers that are not, up to the newest."""
    missing_since: datetime | None
    """Since when numbers have been missing."""
    heard_at: datetime | None
    """When the publisher's last heartbeat came."""
    behind: bool
    """True if the publisher said last that more has changed than it had numbered."""
    silent: bool
    """True if heartbeats are overdue, or none ever came."""
    leftovers: bool = False
    """True if exposures may be here that an earlier exposureDB had and the present one has not."""

    @property
    def complete(self) -> bool:
        """Whether everything that the publisher has told of is here, and it was heard lately."""
        return not (self.missing or self.silent or self.behind or self.leftovers)

    @property
    def text(self) -> str:
        """The whole in one line."""
        if self.heard_at is None:
            return f"complete up to {self.complete_up_to}, no heartbeat yet: is `exposure-bus publish` running?"
        heard = iso(self.heard_at)[:19] + "Z"
        if self.missing:
            count = sum(last - first + 1 for first, last in self.missing)
            spans = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in self.missing[:5])
            since = f" since {iso(self.missing_since)[:19]}Z" if self.missing_since else ""
            more = ", …" if len(self.missing) > 5 else ""  # noqa: PLR2004 (as many as were shown)
            line = f"missing {count} of {self.newest} ({spans}{more}){since}"
        else:
            line = f"complete up to {self.complete_up_to}"
        if self.behind:
            line += ", and the publisher has more to number"
        if self.leftovers and not self.missing:
            line += ", and what only an earlier exposureDB had is still here"
        return f"{line}, no heartbeat since {heard}" if self.silent else f"{line}, at {heard}"


def read_freshness(database: CacheDatabase) -> Freshness:
    """Read how fresh the cache is."""
    return freshness_of(database.query(QUERY)[0])


def is_silent(heard_at: int | None, beat_interval: float | None) -> bool:
    """Whether heartbeats are overdue (moment in microseconds, interval in seconds)."""
    if heard_at is None or beat_interval is None:
        return True
    age = (now_micros() - heard_at) / 1_000_000
    # A clock that was set back must not make an old heartbeat young.
    return not -beat_interval <= age <= BEATS_MISSED * beat_interval


def freshness_of(row: tuple[Any, ...]) -> Freshness:
    """Make a Freshness of the follower's row."""
    epoch, covered, newest, leftovers, heard_at, beat_interval, missing_since, behind = row
    spans = Spans(json.loads(covered))
    return Freshness(
        epoch=epoch,
        newest=newest,
        complete_up_to=spans.complete_up_to,
        missing=tuple(spans.missing(newest)),
        missing_since=None if missing_since is None else to_moment(missing_since),
        heard_at=None if heard_at is None else to_moment(heard_at),
        behind=bool(behind),
        silent=is_silent(heard_at, beat_interval),
        leftovers=bool(leftovers),
    )
