"""The ICS: keeps changing exposures, through `ExposureDB` and behind its back."""

import random
import sqlite3
import threading
import time
from contextlib import closing
from typing import Final

import psycopg2
from tests.raw_sql import connected

from exposure_bus.errors import DatabaseError
from exposure_publisher import ExposureDB

NIGHT: Final = 20230913
RETRY: Final = 0.2
"""Seconds after which a database that is away is tried again."""


class Writer(threading.Thread):
    """Changes exposures at a steady rate, until it has done so often enough or is stopped.

    Args:
        url: The exposureDB.
        changes: How many rows it changes in all.
        rate: Changes a second.
        seed: Of what it does.
    """

    def __init__(self, url: str, changes: int, rate: float, seed: int) -> None:
        super().__init__(name="writer", daemon=True)
        self._url = url
        self._wanted = changes
        self._rate = rate
        self._random = random.Random(seed)
        self._most = max(200, changes // 20)
        self._most_at_once = max(30, round(rate))
        self._known = 1
        self._may_write = threading.Event()
        self._may_write.set()
        self._paused = threading.Event()
        self._ended = False
        self.changes = 0
        """Rows changed so far."""
        self.crashed = ""
        """What ended it before its time."""

    def run(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 (a campaign without changes proves nothing: its verdict says so)
            self.crashed = f"the writer crashed after {self.changes} changes: {error!r}"
        self._paused.set()

    def _run(self) -> None:
        began, idle = time.monotonic(), 0.0
        while self.changes < self._wanted and not self._ended:
            if not self._may_write.is_set():
                stopped = time.monotonic()
                self._paused.set()
                self._may_write.wait()
                self._paused.clear()
                idle += time.monotonic() - stopped
            due = began + idle + self.changes / self._rate
            time.sleep(max(0.0, min(1.0, due - time.monotonic())))
            self._try_to_change()

    def pause(self) -> None:
        """Return once nothing is being written."""
        self._may_write.clear()
        while self.is_alive() and not self._paused.wait(RETRY):
            pass

    def go_on(self) -> None:
        """Write again."""
        self._may_write.set()

    def end(self) -> None:
        """Stop for good."""
        self._ended = True
        self._may_write.set()
        self.join()

    def _try_to_change(self) -> None:
        try:
            with ExposureDB(self._url) as database:
                for _ in range(20):  # a connection now and then is a new one
                    self.changes += self._change(database)
        except (DatabaseError, sqlite3.Error, psycopg2.Error):
            time.sleep(RETRY)

    def _change(self, database: ExposureDB) -> int:
        chance = self._random.random()
        expid = self._random.randint(1, self._known)
        if chance < 0.15 and self._known < self._most:
            self._known += 1
            database.record(expid=self._known, night=NIGHT, exptype="science", seeing=chance)
        elif chance < 0.6:
            database.record(expid=expid, night=NIGHT, airmass=chance, program=self._random.choice(("dark", None)))
        elif chance < 0.85:
            database.record(expid=expid, night=NIGHT)
            database.data_written(expid, data_location=f"/data/{NIGHT}/{expid:08d}")
        elif chance < 0.92:
            return self._change_many(database, expid)
        elif chance < 0.95:
            level = self._random.random()
            return self._behind_its_back(f"UPDATE exposure SET skylevel = {level}", expid, 5)
        else:
            return self._behind_its_back("DELETE FROM exposure", expid, self._random.randint(0, 9))
        return 1

    def _change_many(self, database: ExposureDB, first: int) -> int:
        count = self._random.randint(2, self._most_at_once)
        self._known = max(self._known, min(first + count, self._most))
        end = min(first + count, self._known + 1)
        return database.record_many(
            {"expid": expid, "night": NIGHT, "s2n": self._random.random()} for expid in range(first, end)
        )

    def _behind_its_back(self, statement: str, expid: int, more: int) -> int:
        """Change or delete some rows by SQL of one's own; now and then think better of it.

        What is deleted comes back when its expid is drawn another time.
        """
        with connected(self._url) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"{statement} WHERE expid BETWEEN {expid} AND {expid + more}")
            changed = int(cursor.rowcount)
            if self._random.random() < 0.5:
                cursor.execute("ROLLBACK")
                return 0
            cursor.execute("COMMIT")
        return changed
