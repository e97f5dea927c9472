"""How an attachment stands: whether what captures changes works, and whether their table is as it was."""

from typing import Final

import sqlalchemy as sa

from exposure_publisher.attach import postgresql, sqlite
from exposure_publisher.attach.attachment import Attachment
from exposure_publisher.exposuredb.engine import SCHEMA

# A trigger that is enabled otherwise sleeps while a dump is restored.
_TRIGGERS: Final = {
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(:relation) AND tgenabled = 'A'",
    "sqlite": "SELECT name FROM main.sqlite_master WHERE type = 'trigger' AND :relation <> ''",
}

_COLUMNS: Final = {
    "postgresql": """SELECT attname FROM pg_attribute
        WHERE attrelid = to_regclass(:relation) AND attnum > 0 AND NOT attisdropped""",
    "sqlite": "SELECT name FROM pragma_table_xinfo(:relation)",
}

_VIEW: Final = f"SELECT to_regclass('{SCHEMA}.exposure') IS NOT NULL"


def stands(connection: sa.Connection, relation: str) -> bool:
    """Return whether all that captures changes of a table is there and works; it goes with a table that is dropped."""
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql and not connection.exec_driver_sql(_VIEW).scalar_one():
        return False
    return triggers_on(connection, relation).issuperset(wanted_triggers(postgresql=on_postgresql))


def triggers_on(connection: sa.Connection, relation: str) -> frozenset[str]:
    """Return the names of the triggers that work on a table."""
    query = sa.text(_TRIGGERS[connection.dialect.name])
    return frozenset(connection.execute(query, {"relation": relation}).scalars())


def wanted_triggers(*, postgresql: bool) -> tuple[str, ...]:
    """Return the names of the triggers that have to work on their table."""
    return _TRIGGERS_OF[postgresql]()


_TRIGGERS_OF: Final = {True: postgresql.trigger_names, False: sqlite.trigger_names}


def missing_columns(connection: sa.Connection, attachment: Attachment) -> tuple[str, ...]:
    """Return which columns of their table are there no more, of those that the mapping is over."""
    relation = attachment.relation
    if connection.dialect.name == "sqlite":
        relation = relation.removeprefix("main.").strip('"').replace('""', '"')
    found = frozenset(connection.execute(sa.text(_COLUMNS[connection.dialect.name]), {"relation": relation}).scalars())
    return tuple(column for column in attachment.columns if column not in found)
