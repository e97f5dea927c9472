"""The cache's tables, the same on SQLite and PostgreSQL."""

from typing import Final

from exposure_schemas import SUMMARY_KEYS

_TYPES: Final = {
    "expid": "{integer} PRIMARY KEY",
    "tile_id": "{integer}",
    "date": "{integer}",
    "night": "{integer} NOT NULL",
    "program": "TEXT",
    "exptype": "TEXT",
    "data_written": "{integer} NOT NULL",
    "data_location": "TEXT",
}

_SUMMARY_COLUMNS: Final = ", ".join(f"{key} {_TYPES.get(key, 'DOUBLE PRECISION')}" for key in SUMMARY_KEYS)

VERSION: Final = 1
"""Version of these tables: one more with every change of them, or of what a column means.

A follower that finds another version makes them anew (see `rebuilding`). What it reads of another version's tables has
to mean the same for ever: ``expid``, ``arrival``, ``rewritten``, ``data_written_at`` and ``sequence`` of ``exposure``
and ``carried``; ``version``, ``epoch``, ``heard_at`` and ``beat_interval`` of ``follower``; whatever is in `KEPT`.
"""

KEPT: Final = ("position", "fetch_failure", "fetched", "rejected", "alarm")
"""Tables that are no copy of anything: a rebuilt cache has their rows still."""

COPIES: Final = ("exposure", "carried", "stage", "retracted", "follower")
"""Tables that healing fills again."""

TABLES: Final = (
    # arrival: ascending in the order in which exposures became written here; new_exposures goes by it.
    # rewritten: the same count, where data_written was updated again later: the files are others now.
    f"""CREATE TABLE IF NOT EXISTS exposure ({_SUMMARY_COLUMNS}, data_written_at {{integer}} NOT NULL,
        sequence {{integer}} NOT NULL, files TEXT, arrival {{integer}}, rewritten {{integer}})""",
    "CREATE INDEX IF NOT EXISTS exposure_by_data_written_at ON exposure (data_written_at)",
    "CREATE INDEX IF NOT EXISTS exposure_by_night ON exposure (night)",
    "CREATE INDEX IF NOT EXISTS exposure_by_arrival ON exposure (arrival) WHERE arrival IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS exposure_by_rewritten ON exposure (rewritten) WHERE rewritten IS NOT NULL",
    # One row: which ledger this is a copy of, how much of it is here, and when its publisher was last heard.
    """CREATE TABLE IF NOT EXISTS follower (id {integer} PRIMARY KEY CHECK (id = 1),
        version {integer} NOT NULL, epoch TEXT NOT NULL,
        covered TEXT NOT NULL, newest {integer} NOT NULL, leftovers {integer} NOT NULL,
        heard_at {integer}, beat_interval DOUBLE PRECISION, missing_since {integer},
        behind {integer} NOT NULL DEFAULT 0)""",
    # Exposures of a cache of another version that have not healed yet: what turns they had there (see `carrying`).
    """CREATE TABLE IF NOT EXISTS carried (expid {integer} PRIMARY KEY, arrival {integer} NOT NULL,
        rewritten {integer}, data_written_at {integer}, sequence {integer} NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS carried_by_arrival ON carried (arrival)",
    """CREATE TABLE IF NOT EXISTS rejected (id {serial}, received_at {integer} NOT NULL, reason TEXT NOT NULL,
        detail TEXT NOT NULL, routing_key TEXT NOT NULL, properties TEXT NOT NULL, body {blob} NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, arrival {integer} NOT NULL)",
    # What `files --new` could not fetch to a folder, and when it tries again.
    """CREATE TABLE IF NOT EXISTS fetch_failure (folder TEXT NOT NULL, expid {integer} NOT NULL,
        tries {integer} NOT NULL, next_try_at {integer} NOT NULL, why TEXT NOT NULL, PRIMARY KEY (folder, expid))""",
    # Exposures whose files have been brought to a folder, of which state, and how many of the files by their checksum.
    """CREATE TABLE IF NOT EXISTS fetched (folder TEXT NOT NULL, expid {integer} NOT NULL,
        data_written_at {integer} NOT NULL, fetched_at {integer} NOT NULL, files {integer} NOT NULL,
        verified {integer} NOT NULL, PRIMARY KEY (folder, expid))""",
    "CREATE INDEX IF NOT EXISTS fetched_by_expid ON fetched (expid)",
    # When the announcement that an exposure's data is written went through each stage (live messages only).
    """CREATE TABLE IF NOT EXISTS stage (expid {integer} PRIMARY KEY, sequence {integer} NOT NULL,
        data_written_at {integer} NOT NULL, published_at {integer} NOT NULL, received_at {integer} NOT NULL,
        cached_at {integer} NOT NULL)""",
    # Tombstones: the number under which an exposure was retracted, until a newer state of it comes.
    "CREATE TABLE IF NOT EXISTS retracted (expid {integer} PRIMARY KEY, sequence {integer} NOT NULL)",
    "CREATE TABLE IF NOT EXISTS alarm (id {serial}, body {blob} NOT NULL)",
)

SQLITE_WORDS: Final = {"integer": "INTEGER", "serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "blob": "BLOB"}
POSTGRESQL_WORDS: Final = {
    "integer": "BIGINT",
    "serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "blob": "BYTEA",
}

FIRST_ROW: Final = (
    "INSERT INTO follower (id, version, epoch, covered, newest, leftovers) "
    f"VALUES (1, {VERSION}, '', '[]', 0, 0) ON CONFLICT (id) DO NOTHING"
)

COLUMNS: Final = (*SUMMARY_KEYS, "data_written_at", "sequence", "files", "arrival")
"""The columns of ``exposure`` that a state brings, in order."""

NEWEST_TURN: Final = """SELECT coalesce((SELECT max(arrival) FROM exposure WHERE arrival > 0), 0),
    coalesce((SELECT max(rewritten) FROM exposure WHERE rewritten > 0), 0),
    coalesce((SELECT max(arrival) FROM position), 0)"""
"""How far the count of arrivals is, whatever has been deleted since: nothing new may stand before a kept position.
Without the conditions SQLite reads the whole table for it."""

KEEP_TURN: Final = """INSERT INTO position (name, arrival) VALUES ('', ?)
    ON CONFLICT (name) DO UPDATE SET arrival = excluded.arrival"""
"""Keeps how far the count of arrivals was when rows are deleted, under a name that nobody can have: whoever has read
them goes on behind them, so no number may be given twice."""

_REWRITTEN: Final = """rewritten = CASE WHEN exposure.arrival IS NULL OR excluded.arrival IS NULL
    OR excluded.data_written_at = exposure.data_written_at THEN exposure.rewritten ELSE excluded.arrival END"""

UPSERT_TAIL: Final = "ON CONFLICT (expid) DO UPDATE SET {} WHERE excluded.sequence >= exposure.sequence".format(
    ", ".join(
        # The first arrival stays: an exposure that is written again is not new again.
        ["arrival = coalesce(exposure.arrival, excluded.arrival)", _REWRITTEN]
        + [f"{column} = excluded.{column}" for column in COLUMNS if column not in ("expid", "arrival")]
    )
)
"""What makes an insert keep the newer of two states."""
