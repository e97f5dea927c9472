"""A night's exposures on their way, as the cache and the publisher know it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from exposure_bus.errors import Incomplete
from exposure_schemas import AuditedExposure
from exposure_subscriber.audit import Answer
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.moments import to_micros
from exposure_subscriber.errors import NoSuchExposure
from exposure_subscriber.latency.passage import Passage

_SELECT: Final = """SELECT e.expid, s.sequence, s.data_written_at, s.published_at, s.received_at, s.cached_at,
    (SELECT min(f.fetched_at) FROM fetched AS f WHERE f.expid = s.expid AND f.data_written_at = s.data_written_at)
    FROM exposure AS e LEFT JOIN stage AS s ON s.expid = e.expid
    WHERE e.night = ? AND e.data_written = 1 ORDER BY e.expid"""
_KNOWN: Final = ("expid", "sequence", "written", "published", "received", "cached", "fetched")
"""What its columns are of a `Passage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night's written exposures."""

    night: int
    """Night, YYYYMMDD."""
    written: int
    """How many exposures of it are written, as far as the cache knows."""
    epoch: str
    """The ledger that the cache is a copy of."""
    passages: tuple[Passage, ...]
    """Those that were announced while this follower listened, ascending by expid; the others came by a replay."""

    def with_publisher(self, ask: Callable[..., Answer]) -> Self:
        """Add what only the publisher knows: when each was numbered, and when confirmed.

        Args:
            ask: Asks the publisher (`exposure_subscriber.audit.Publisher.ask`).

        Raises:
            NoAnswer: The publisher does not answer.
            Incomplete: The publisher of another ledger does.
            BrokerError: The broker cannot be asked.
        """
        answer = ask(night=self.night)
        if answer.epoch != self.epoch:
            raise Incomplete(f"the ledger {answer.epoch} answers, and the cache is a copy of {self.epoch}")
        known = {each.expid: each for each in answer.exposures}
        passages = tuple(_with_publisher(each, known.get(each.expid)) for each in self.passages)
        return replace(self, passages=passages)


def read_night(database: CacheDatabase, night: int) -> Night:
    """Return what the cache knows of a night.

    Raises:
        NoSuchExposure: It has no exposure of the night.
        DatabaseError: The cache cannot be read.
    """
    rows = database.query(_SELECT, (night,))
    if not rows and not database.query("SELECT 1 FROM exposure WHERE night = ? LIMIT 1", (night,)):
        raise NoSuchExposure(f"the cache has no exposure of night {night}")
    return Night(
        night=night,
        written=len(rows),
        epoch=read_freshness(database).epoch,
        passages=tuple(Passage(**dict(zip(_KNOWN, row, strict=True))) for row in rows if row[1] is not None),
    )


def _with_publisher(passage: Passage, told: AuditedExposure | None) -> Passage:
    """Add the publisher's moments; it keeps those of an exposure's newest number alone."""
    if told is None or told.sequence != passage.sequence:
        return passage
    moments = (told.numbered_at, told.confirmed_at)
    numbered, confirmed = (None if each is None else to_micros(each) for each in moments)
    return replace(passage, numbered=numbered, confirmed=confirmed)
