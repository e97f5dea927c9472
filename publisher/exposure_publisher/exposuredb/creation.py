"""Making the tables and triggers where they are not there yet, and bringing them up to date."""

from typing import Final

import sqlalchemy as sa

from exposure_bus.errors import DatabaseRefused
from exposure_publisher.exposuredb import capture_postgresql, capture_sqlite
from exposure_publisher.exposuredb.engine import writing
from exposure_publisher.exposuredb.schema_version import HEAD, is_attached, upgrade, version_of
from exposure_publisher.exposuredb.table import metadata

_LOCK: Final = 0x45585042
"""Advisory lock under which PostgreSQL's tables are made, so that two who come first do not collide."""

_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '2s'"
"""A change of our tables waits no longer: a writer, whose trigger needs them, waits behind it."""

_FOREIGN: Final = {
    "postgresql": """SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
        WHERE tablename = 'exposure' LIMIT 1""",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'exposure'",
}


def bring_up_to_date(engine: sa.Engine, *, create: bool = True) -> None:
    """Make the exposure table, the ledger and its triggers, or bring them to this software's version.

    Whoever comes second finds them. In an exposureDB that we are attached to, the ledger alone is ours.

    Args:
        engine: The exposureDB.
        create: Whether to make what is not there at all.

    Raises:
        DatabaseRefused: It has no ledger, and none may be made: a table ``exposure`` is there already, or not `create`.
    """
    with engine.connect() as connection:
        if version_of(connection) == HEAD:
            return
    with writing(engine) as connection:
        lock_creation(connection)
        version = version_of(connection)
        if version is None:
            _refuse_what_is_not_ours(connection, create=create)
        if version != HEAD:
            upgrade(connection)
            if not is_attached(connection):
                _make_our_own(connection)


def lock_creation(connection: sa.Connection) -> None:
    """Keep others from making or changing tables until the transaction ends; SQLite's writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_LOCK_TIMEOUT)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def foreign_table(connection: sa.Connection) -> str | None:
    """Return the name of a table of exposures that is not ours, where there is no ledger."""
    found = connection.exec_driver_sql(_FOREIGN[connection.dialect.name]).scalar()
    return None if found is None else str(found)


def _refuse_what_is_not_ours(connection: sa.Connection, *, create: bool) -> None:
    foreign = foreign_table(connection)
    if foreign is not None:
        raise DatabaseRefused(
            f"the exposureDB has a table {foreign} and no ledger: "
            f"`exposure-bus attach --table {foreign}` attaches the bus to it"
        )
    if not create:
        raise DatabaseRefused("the exposureDB has no ledger any more")


def _make_our_own(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    capture = capture_postgresql if connection.dialect.name == "postgresql" else capture_sqlite
    for statement in capture.STATEMENTS:
        connection.exec_driver_sql(statement)
