"""Writing into the cache: what one follower received, in one transaction.

Rows and coverage change together or not at all, so the cache never claims what it does not hold.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from exposure_bus.errors import DatabaseRefused
from exposure_schemas import Exposure, ExposureSummary, Heartbeat, Reason, Span
from exposure_subscriber.cache.carrying import FORGET as NONE_CARRIED
from exposure_subscriber.cache.carrying import OF_ANOTHER_LEDGER, take_turns
from exposure_subscriber.cache.database import CacheDatabase, Row
from exposure_subscriber.cache.freshness import QUERY, is_silent
from exposure_subscriber.cache.moments import now_micros, to_micros
from exposure_subscriber.cache.rebuilding import create_or_rebuild
from exposure_subscriber.cache.retracting import retract, settle
from exposure_subscriber.cache.schema import KEEP_TURN, NEWEST_TURN
from exposure_subscriber.cache.spans import Spans
from exposure_subscriber.cache.stages import FORGET, Arrival, keep_stages
from exposure_subscriber.cache.version import OtherVersion

log = logging.getLogger(__name__)

LARGEST_KEPT: Final = 64 * 1024
"""Bytes of a rejected body that are kept."""

MOST_REJECTED: Final = 10_000
"""Rejected messages that are kept, the newest of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that could not be decoded."""

    reason: Reason
    detail: str
    routing_key: str
    properties: str
    body: bytes


@dataclass(slots=True)
class Batch:
    """What is written together."""

    messages: list[ExposureSummary | Heartbeat] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    exposures: int = 0
    """How many exposures and retractions the messages carry."""
    arrivals: list[Arrival] = field(default_factory=list)
    """The live messages of them, as they came."""

    def add(self, item: ExposureSummary | Heartbeat | Rejected, received_at: int) -> None:
        """Add what one delivery brought, and when it came, in microseconds since 1970."""
        if isinstance(item, ExposureSummary) and not item.replayed:
            self.arrivals.append((item, received_at))
        if isinstance(item, Rejected):
            self.rejected.append(item)
        else:
            self.messages.append(item)
            self.exposures += len(item.exposures) + len(item.retracted) if isinstance(item, ExposureSummary) else 0


@dataclass(slots=True)
class _Newest:
    """The newest of each exposure that a batch brings."""

    states: dict[int, Exposure] = field(default_factory=dict)
    retractions: dict[int, int] = field(default_factory=dict)
    """expid to the number of its retraction."""

    def add(self, message: ExposureSummary) -> None:
        for exposure in message.exposures:
            known = self.states.get(exposure.expid)
            if known is None or exposure.sequence >= known.sequence:
                self.states[exposure.expid] = exposure
        for each in message.retracted:
            self.retractions[each.expid] = max(each.sequence, self.retractions.get(each.expid, 0))


class CacheWriter:
    """Writes batches into a cache.

    Where the cache stands is read anew in each transaction: a second follower of the name, standing by, may have
    written since, and the cache may have been thrown away.

    Args:
        database: The cache; its tables are made where they are missing, and anew where they are of another version.
    """

    def __init__(self, database: CacheDatabase) -> None:
        self._database = database
        self._foreign = ""
        self._beat: Heartbeat | None = None
        self._settled = False
        self.listen_anew()
        create_or_rebuild(database)
        with database.transaction() as writer:
            self._load(writer)

    @property
    def epoch(self) -> str:
        """The ledger that the cache is a copy of."""
        return str(self._epoch)

    @property
    def newest(self) -> int:
        """The newest number that the publisher has told of."""
        return int(self._newest)

    def listen_anew(self) -> None:
        """Note that nothing could be heard before now: nobody was silent meanwhile."""
        self._listening_since = now_micros()

    def missing(self) -> list[Span]:
        """Return the numbers that are not here, up to the newest."""
        return self._covered.missing(self._newest)

    def write(self, batch: Batch) -> None:
        """Write a batch, all of it or nothing.

        Raises:
            DatabaseUnreachable: Nothing was written; try again.
            OtherVersion: Nothing was written: a follower of another version has made the cache anew.
            DatabaseRefused: Nothing was written.
        """
        try:
            with self._database.transaction() as writer:
                self._load(writer)
                self._write(writer, batch)
                keep_stages(writer, batch.arrivals, self._epoch)
                self._database.notify(writer)
        except OtherVersion:
            raise
        except DatabaseRefused:
            self._database.create()  # it was thrown away; the next try finds it
            raise

    def _write(self, writer: Any, batch: Batch) -> None:
        newest = _Newest()
        for message in batch.messages:
            if self._is_ours(writer, message, newest):
                self._account(message, newest)
        self._upsert(writer, newest)
        self._write_rejected(writer, batch.rejected)
        self._drop_leftovers(writer)
        self._write_state(writer)

    def _load(self, writer: Any) -> None:
        """Read where the cache stands, and keep others from writing until the transaction ends."""
        row = writer.execute(QUERY + self._database.for_update).fetchone()
        self._epoch, covered, self._newest, self._leftovers, self._heard_at, self._interval, *rest = row
        self._missing_since, self._behind = rest
        self._covered = Spans(json.loads(covered))
        self._arrival: int = max(writer.execute(NEWEST_TURN).fetchone())

    def _is_ours(self, writer: Any, message: ExposureSummary | Heartbeat, newest: _Newest) -> bool:
        """Whether a message is of the ledger that is followed.

        Another ledger is followed only once its publisher is heard and ours has fallen silent: the exposureDB was
        rebuilt. Someone who tries a second publisher out on the same broker does not throw every cache over.
        """
        if message.epoch == self._epoch:
            return True
        if self._epoch and not (isinstance(message, Heartbeat) and self._ours_is_silent(message.interval)):
            self._say_foreign(message.epoch)
            return False
        self._upsert(writer, newest)
        newest.states.clear()
        newest.retractions.clear()
        self._begin_epoch(writer, message.epoch)
        return True

    def _ours_is_silent(self, interval: float) -> bool:
        """Whether our publisher has not been heard for long, though this follower listened."""
        return is_silent(max(self._heard_at or 0, self._listening_since), self._interval or interval)

    def _say_foreign(self, epoch: str) -> None:
        if epoch != self._foreign:
            self._foreign = epoch
            log.warning(
                "another ledger (%s) is published too; following ours (%s) while it is heard", epoch, self._epoch
            )

    def _begin_epoch(self, writer: Any, epoch: str) -> None:
        """Follow another ledger. What is cached stays readable until it is replaced."""
        if self._epoch:
            log.warning("the exposureDB has a new ledger (%s): healing into it", epoch)
            writer.execute("UPDATE exposure SET sequence = 0")
            writer.execute(FORGET)
            writer.execute("DELETE FROM retracted")
            writer.execute(OF_ANOTHER_LEDGER)
            self._leftovers = 1
        self._epoch, self._newest, self._covered = epoch, 0, Spans()
        self._beat, self._settled = None, False

    def _account(self, message: ExposureSummary | Heartbeat, newest: _Newest) -> None:
        if isinstance(message, Heartbeat):
            self._hear(message)
            return
        newest.add(message)
        if message.covers is not None:
            self._covered.add(*message.covers)
            self._settled = self._settled and message.covers[1] <= self._newest
            self._newest = max(self._newest, message.covers[1])

    def _hear(self, beat: Heartbeat) -> None:
        before = self._beat
        if before is None or beat.published_at <= before.published_at:
            # The first, or one that is delivered again: it may tell of less than is known.
            self._newest = max(self._newest, beat.newest)
            self._settled = False
        else:
            # A later one stands, even if an earlier one told of more: that one was mistaken.
            self._newest = max(beat.newest, self._covered.last)
            self._settled = before.newest == beat.newest
        self._beat = beat if before is None else max(before, beat, key=lambda each: each.published_at)
        self._heard_at, self._interval, self._behind = now_micros(), beat.interval, int(beat.behind)

    def _upsert(self, writer: Any, newest: _Newest) -> None:
        """Drop what is gone first: an exposure that has come back since is a new one."""
        if newest.retractions:
            writer.execute(KEEP_TURN, (self._arrival,))
            retract(writer, newest.retractions)
        if newest.states:
            in_order = sorted(newest.states.values(), key=lambda exposure: exposure.sequence)
            self._database.upsert(writer, [self._row(exposure) for exposure in in_order])
            take_turns(writer, newest.states)
            settle(writer, newest.states)

    def _row(self, exposure: Exposure) -> Row:
        values = list(msgspec.structs.astuple(exposure))
        values[_DATE] = None if exposure.date is None else to_micros(exposure.date)
        values[_DATA_WRITTEN] = int(exposure.data_written)
        values[_DATA_WRITTEN_AT] = to_micros(exposure.data_written_at)
        values[_FILES] = None if exposure.files is None else msgspec.json.encode(exposure.files).decode()
        return (*values, self._next_arrival() if exposure.data_written else None)

    def _next_arrival(self) -> int:
        """Numbers are left out when an exposure had arrived before; they only have to ascend."""
        self._arrival += 1
        return self._arrival

    def _write_rejected(self, writer: Any, rejected: Sequence[Rejected]) -> None:
        if not rejected:
            return
        moment = now_micros()
        writer.executemany(
            "INSERT INTO rejected (received_at, reason, detail, routing_key, properties, body) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                (moment, each.reason, each.detail, each.routing_key, each.properties, each.body[:LARGEST_KEPT])
                for each in rejected
            ],
        )
        writer.execute("DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (MOST_REJECTED,))

    def _drop_leftovers(self, writer: Any) -> None:
        """Once the new ledger is here completely, what only the old one had is gone from the exposureDB.

        A publisher tells of no more than it has sent: only when it has sent nothing between two heartbeats is what it
        has told of all there is.
        """
        if self._leftovers and self._settled and self._newest and not self.missing():
            writer.execute(KEEP_TURN, (self._arrival,))
            writer.execute("DELETE FROM exposure WHERE sequence = 0")
            writer.execute(NONE_CARRIED)
            self._leftovers = 0

    def _write_state(self, writer: Any) -> None:
        missing = bool(self.missing())
        self._missing_since = (self._missing_since or now_micros()) if missing else None
        writer.execute(
            "UPDATE follower SET epoch = ?, covered = ?, newest = ?, leftovers = ?, heard_at = ?, "
            "beat_interval = ?, missing_since = ?, behind = ?",
            (
                self._epoch,
                json.dumps(list(self._covered)),
                self._newest,
                self._leftovers,
                self._heard_at,
                self._interval,
                self._missing_since,
                self._behind,
            ),
        )


_FIELDS: Final = Exposure.__struct_fields__
_DATE: Final = _FIELDS.index("date")
_DATA_WRITTEN: Final = _FIELDS.index("data_written")
_DATA_WRITTEN_AT: Final = _FIELDS.index("data_written_at")
_FILES: Final = _FIELDS.index("files")
