"""Whose turn it is: exposures in the order in which they were written, and those that failed, again later.

It is kept in the cache, so a restart goes on where the last run ended. An exposure whose data is written again, since
its files were replaced, gets another turn.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

from exposure_bus.errors import DatabaseUnreachable
from exposure_schemas import Exposure
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.carrying import FIRST_TURN
from exposure_subscriber.cache.fetched import keep_fetched
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.moments import now_micros
from exposure_subscriber.cache.schema import NEWEST_TURN
from exposure_subscriber.fetch import FilePath

PAGE: Final = 100
"""Exposures that are read at once when many wait."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 600.0
"""Seconds before a failed exposure is tried again; each time twice as long."""

_THROWN_AWAY: Final = "the cache was thrown away meanwhile"

_NEXT: Final = f"""SELECT expid, CASE WHEN rewritten > arrival THEN rewritten ELSE arrival END AS turn FROM exposure
    WHERE (arrival > ? OR rewritten > ?) AND data_written = 1
    AND CASE WHEN rewritten > arrival THEN rewritten ELSE arrival END < {FIRST_TURN} ORDER BY turn LIMIT ?"""
_NEWEST_NIGHT: Final = """INSERT INTO fetch_failure (folder, expid, tries, next_try_at, why)
    SELECT ?, expid, 0, arrival, 'not fetched yet' FROM exposure
    WHERE data_written = 1 AND night = (SELECT max(night) FROM exposure WHERE data_written = 1)
    ON CONFLICT (folder, expid) DO NOTHING"""
_FAILED: Final = """INSERT INTO fetch_failure (folder, expid, tries, next_try_at, why) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (folder, expid) DO UPDATE SET tries = excluded.tries, next_try_at = excluded.next_try_at,
        why = excluded.why"""


class Turns:
    """What a folder has been given of the cache's exposures, and what it lacks.

    Args:
        database: The cache.
        folder: The folder; each has turns of its own.
    """

    def __init__(self, database: CacheDatabase, folder: Path) -> None:
        self._database = database
        self._folder = str(folder)
        self.name = f"files {hashlib.sha256(self._folder.encode()).hexdigest()[:16]}"
        """Under which its position is kept."""

    def begin(self) -> bool:
        """Go on from the position of the last run; the first time, begin with the newest night there is.

        Returns:
            False as long as that cannot be told: a cache that is still healing may not know the newest night yet.
        """
        if self._database.query("SELECT 1 FROM position WHERE name = ?", (self.name,)):
            return True
        freshness = read_freshness(self._database)
        if not freshness.epoch or freshness.missing or freshness.behind:
            return False
        with self._database.transaction() as writer:
            newest = max(writer.execute(NEWEST_TURN).fetchone())
            # Not by the order of arrival: history may have been healed behind the first live exposures.
            writer.execute(_NEWEST_NIGHT, (self._folder,))
            writer.execute("INSERT INTO position (name, arrival) VALUES (?, ?)", (self.name, newest))
        return True

    def next(self) -> list[tuple[int, int]]:
        """Return expid and turn of the exposures that come next."""
        kept = self._database.query("SELECT arrival FROM position WHERE name = ?", (self.name,))
        if not kept:
            raise DatabaseUnreachable(_THROWN_AWAY)
        position = kept[0][0]
        return [(expid, turn) for expid, turn in self._database.query(_NEXT, (*[position] * 4, PAGE))]

    def due(self) -> list[int]:
        """Return the failed exposures that are to be tried again now, the longest due first."""
        found = self._database.query(
            # A clock that was set back must not put a try off for a year.
            "SELECT expid FROM fetch_failure WHERE folder = ? AND (next_try_at <= ? OR next_try_at > ?) "
            "ORDER BY next_try_at LIMIT ?",
            (self._folder, now_micros(), now_micros() + int(LONGEST_PAUSE * 1_000_000), PAGE),
        )
        return [expid for (expid,) in found]

    def pause(self) -> float | None:
        """Return in how many seconds a failed exposure is due; None if there is none."""
        query = "SELECT min(next_try_at) FROM fetch_failure WHERE folder = ?"
        next_try_at = self._database.query(query, (self._folder,))[0][0]
        if next_try_at is None:
            return None
        return float(min(LONGEST_PAUSE, max(0.0, (next_try_at - now_micros()) / 1_000_000)))

    def done(self, expid: int, turn: int | None, fetched: tuple[Exposure, FilePath] | None = None) -> None:
        """Keep that an exposure has had its turn.

        Args:
            expid: Exposure number.
            turn: Its turn; None for one that had failed before.
            fetched: Its state, and the files that have been brought; None if there was nothing to fetch.
        """
        with self._database.transaction() as writer:
            if fetched is not None:
                keep_fetched(writer, *fetched)
            writer.execute("DELETE FROM fetch_failure WHERE folder = ? AND expid = ?", (self._folder, expid))
            if turn is not None:
                self._keep(writer, turn)

    def failed(self, expid: int, turn: int | None, why: str) -> float:
        """Keep that an exposure's files could not be fetched; return in how many seconds it is tried again."""
        query = "SELECT tries FROM fetch_failure WHERE folder = ? AND expid = ?"
        tries = sum(row[0] for row in self._database.query(query, (self._folder, expid)))
        pause = float(min(LONGEST_PAUSE, FIRST_PAUSE * 2**tries))
        next_try_at = now_micros() + int(pause * 1_000_000)
        with self._database.transaction() as writer:
            writer.execute(_FAILED, (self._folder, expid, min(tries, 60) + 1, next_try_at, why))
            if turn is not None:
                self._keep(writer, turn)
        return pause

    def _keep(self, writer: Any, turn: int) -> None:
        cursor = writer.execute("UPDATE position SET arrival = ? WHERE name = ?", (turn, self.name))
        if not cursor.rowcount:  # a turn of the old cache means nothing in the new one
            raise DatabaseUnreachable(_THROWN_AWAY)
