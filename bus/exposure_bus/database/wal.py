"""SQLite's write-ahead log, in which readers and a writer do not wait for each other."""

import sqlite3
import time
from typing import Final

BETWEEN_TRIES: Final = 0.01


def enter_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Put a database into WAL mode, once; the file keeps it.

    Two who open a new file at once collide here, and SQLite does not wait for its busy timeout then.

    Args:
        connection: An open connection.
        timeout: Seconds to go on trying.

    Raises:
        sqlite3.OperationalError: It stays locked, or cannot be written.
    """
    deadline = time.monotonic() + timeout
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(BETWEEN_TRIES)
