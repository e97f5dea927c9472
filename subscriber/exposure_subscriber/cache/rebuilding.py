"""A cache of another version is made anew; healing fills it, and nobody's place in it is lost.

What is a copy goes. What is not, such as positions and alarms, is carried over, column by column of the same name.
"""

import logging
from typing import Any, Final

from exposure_bus.errors import DatabaseUnreachable
from exposure_subscriber.cache.database import CacheDatabase
from exposure_subscriber.cache.freshness import is_silent
from exposure_subscriber.cache.schema import COPIES, KEEP_TURN, KEPT, VERSION
from exposure_subscriber.cache.version import OtherVersion

log = logging.getLogger(__name__)

_COUNTS: Final = """SELECT max(arrival) FROM carried UNION ALL SELECT max(rewritten) FROM carried
    UNION ALL SELECT max(arrival) FROM position"""

_TURNS: Final = ("expid", "arrival", "rewritten", "data_written_at", "sequence")


def create_or_rebuild(database: CacheDatabase) -> None:
    """Make the cache's tables where they are missing, and anew where they are of another version.

    Raises:
        DatabaseUnreachable: A follower of a newer version keeps it; it is left alone until that falls silent.
        DatabaseRefused: The database refuses.
    """
    try:
        database.create()
    except OtherVersion:
        with database.transaction_of_any_version() as writer:
            database.serialise_creation(writer)
            _rebuild(database, writer)
            database.notify(writer)


def _rebuild(database: CacheDatabase, writer: Any) -> None:
    version = database.version(writer)
    if version == VERSION:
        return  # another follower was quicker
    if version is not None and version > VERSION and _is_kept(database, writer):
        raise DatabaseUnreachable(
            f"the cache {database.name} is of version {version}, and a follower of that version is at work; "
            f"this one, which knows {VERSION}, waits until it ends"
        )
    log.warning("the cache is of version %s, and this software knows %d: rebuilding it by healing", version, VERSION)
    epoch = _epoch(database, writer)
    _set_aside_turns(database, writer, epoch)
    kept = [table for table in KEPT if _set_aside(database, writer, table)]
    for table in COPIES:
        writer.execute(f"DROP TABLE IF EXISTS {table}")
    database.make_tables(writer)
    for table in kept:
        _put_back(database, writer, table, f"kept_{table}")
    _put_back(database, writer, "carried", "kept_turns")
    writer.execute(KEEP_TURN, (_newest_turn(writer),))
    writer.execute("UPDATE follower SET epoch = ?, leftovers = 1", (epoch,))


def _is_kept(database: CacheDatabase, writer: Any) -> bool:
    """Whether a follower has heard its publisher lately."""
    if not {"heard_at", "beat_interval"} <= database.columns(writer, "follower").keys():
        return False
    return not is_silent(*writer.execute("SELECT heard_at, beat_interval FROM follower").fetchone())


def _epoch(database: CacheDatabase, writer: Any) -> str:
    """Return which ledger the cache is a copy of: the same is followed on, whoever else publishes."""
    if "epoch" not in database.columns(writer, "follower"):
        return ""
    row = writer.execute("SELECT epoch FROM follower").fetchone()
    return row[0] if row else ""


def _set_aside_turns(database: CacheDatabase, writer: Any, epoch: str) -> None:
    """Copy the turns of everything that had arrived, or was carried already, and had not healed."""
    writer.execute(
        "CREATE TEMPORARY TABLE kept_turns (expid BIGINT PRIMARY KEY, arrival BIGINT NOT NULL, rewritten BIGINT, "
        "data_written_at BIGINT, sequence BIGINT NOT NULL)"
    )
    for table in ("exposure", "carried"):
        known = database.columns(writer, table)
        if not {"expid", "arrival"} <= known.keys():
            continue
        instead = {"sequence": "0"}
        values = [column if column in known else instead.get(column, "NULL") for column in _TURNS]
        if not epoch:
            values[-1] = "0"  # of a ledger that nobody knows
        writer.execute(f"INSERT INTO kept_turns SELECT {', '.join(values)} FROM {table} WHERE arrival IS NOT NULL")


def _set_aside(database: CacheDatabase, writer: Any, table: str) -> bool:
    """Put a table's rows into a temporary one, and drop it; False if there is none."""
    if not database.columns(writer, table):
        return False
    writer.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")
    writer.execute(f"DROP TABLE {table}")
    return True


def _put_back(database: CacheDatabase, writer: Any, table: str, kept: str) -> None:
    """Fill a new table with the columns that both have, numbered anew; say what cannot be filled."""
    before, now = database.columns(writer, kept), database.columns(writer, table)
    columns = ", ".join(column for column in now if column in before and column != "id")
    lacking = [column for column, needed in now.items() if needed and column != "id" and column not in before]
    if lacking:
        lost = writer.execute(f"SELECT count(*) FROM {kept}").fetchone()[0]
        log.warning("%d rows of %s cannot be carried over: they have no %s", lost, table, ", ".join(lacking))
    else:
        order = " ORDER BY id" if "id" in before else ""
        writer.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {kept}{order}")
    writer.execute(f"DROP TABLE {kept}")


def _newest_turn(writer: Any) -> int:
    """Return how far the count of arrivals was."""
    return max(row[0] or 0 for row in writer.execute(_COUNTS).fetchall())
