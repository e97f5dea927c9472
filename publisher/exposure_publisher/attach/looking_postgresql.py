"""Looking at their table on PostgreSQL: whether we can be attached to it, and what its columns are."""

from typing import Any, Final

import sqlalchemy as sa

from exposure_bus.errors import DatabaseRefused, NotThere
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.attach.theirs import Column, Table
from exposure_publisher.exposuredb.engine import SCHEMA

_RELATION: Final = sa.text(
    """SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, n.nspname AS schema, c.relkind, c.relispartition,
        EXISTS (SELECT 1 FROM pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits,
        EXISTS (SELECT 1 FROM pg_subscription_rel AS s WHERE s.srrelid = c.oid) AS replicated
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(:name)"""
)

_COLUMNS: Final = sa.text(
    """SELECT a.attname AS name, quote_ident(a.attname) AS quoted FROM pg_attribute AS a
    WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
)

_IS_KEY: Final = sa.text(
    """SELECT EXISTS (SELECT 1 FROM pg_index AS i JOIN pg_attribute AS a
            ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = :oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1
            AND i.indimmediate AND a.attname = :name) AS is_unique,
        (SELECT a.atttypid IN (20, 21, 23) FROM pg_attribute AS a
         WHERE a.attrelid = :oid AND a.attname = :name AND NOT a.attisdropped) AS is_whole"""
)

_TIMESTAMP: Final = 1114
_TIMESTAMPTZ: Final = 1184
"""Numbers of PostgreSQL's types of moments, without a time zone and with one."""

_WANTED: Final = {
    "night": ((20, 21, 23, 1700), "a whole number"),
    "data_written": ((16,), "a boolean"),
    "data_written_at": ((_TIMESTAMP, _TIMESTAMPTZ), "a timestamp"),
}
"""What an exposure cannot be without, the numbers of the types that can say it, and how a person is told."""


def look(connection: sa.Connection, name: str, mapping: Mapping) -> Table:
    """Look at their table.

    Args:
        connection: To their database.
        name: The table's, with its schema if that is not on the search path.
        mapping: Which of its columns is what.

    Raises:
        NotThere: There is no such table.
        DatabaseRefused: It cannot be attached to, or the mapping does not fit it; the text says why.
    """
    found = connection.execute(_RELATION, {"name": name}).one_or_none()
    if found is None:
        raise NotThere(f"there is no table {name}; give its schema too: --table SCHEMA.TABLE")
    _refuse_what_cannot_be_watched(found)
    rows = connection.execute(_COLUMNS, {"oid": found.oid}).all()
    columns = tuple(Column(name=row.name, quoted=row.quoted) for row in rows)
    return Table(
        relation=found.name,
        columns=columns,
        key=_key(connection, found, mapping),
        naive_moments=_naive_moments(connection, found.name, mapping),
    )


def _refuse_what_cannot_be_watched(found: Any) -> None:
    if found.schema == SCHEMA:
        raise DatabaseRefused(f"{found.name} is ours; attach to the table that ICS writes")
    reasons = {
        "is no ordinary table": found.relkind != "r",
        "is part of a partitioned or inherited table, whose triggers do not see all of its rows": found.relispartition
        or found.inherits,
        "is filled by logical replication, which runs no trigger of ours; attach where it is written": found.replicated,
    }
    for reason, holds in reasons.items():
        if holds:
            raise DatabaseRefused(f"cannot attach to {found.name}: it {reason}")


def _key(connection: sa.Connection, found: Any, mapping: Mapping) -> str:
    name = mapping.key
    is_unique, is_whole = connection.execute(_IS_KEY, {"oid": found.oid, "name": name}).one()
    if not is_unique or not is_whole:
        raise DatabaseRefused(
            f"cannot attach to {found.name}: expid is mapped to {mapping.columns['expid']!r}, "
            "which must be a column of whole numbers with a unique index of its own (a primary key is one)"
        )
    return str(connection.execute(sa.text("SELECT quote_ident(:name)"), {"name": name}).scalar_one())


def _naive_moments(connection: sa.Connection, relation: str, mapping: Mapping) -> tuple[str, ...]:
    """Try the mapping, and return which moments come without a time zone."""
    kinds = _kinds(connection, relation, mapping.bare(relation))
    for name, (wanted, said) in _WANTED.items():
        if name in mapping.columns and kinds[name] not in wanted:
            raise DatabaseRefused(f"the mapping does not fit {relation}: {name} must be {said}; cast it in the mapping")
    naive = tuple(name for name in ("date", "data_written_at") if kinds.get(name) == _TIMESTAMP)
    _kinds(connection, relation, f"{mapping.selection(relation, naive)} LIMIT 0")
    return naive


def _kinds(connection: sa.Connection, relation: str, select: str) -> dict[str, Any]:
    """Try a SELECT, and return the numbers of its columns' types."""
    try:
        cursor = connection.exec_driver_sql(select, execution_options={"no_parameters": True}).cursor
    except sa.exc.DBAPIError as error:
        text = str(error.orig).strip().splitlines()[0]
        raise DatabaseRefused(f"the mapping does not fit {relation}: {text}") from error
    return {column[0]: column[1] for column in cursor.description or ()}
