"""Looking at their table in a SQLite file: whether we can be attached to it."""

from typing import Final

import sqlalchemy as sa

from exposure_bus.errors import DatabaseRefused, NotThere
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.attach.theirs import Column, Table

_KEYS: Final = """SELECT i.name, (SELECT count(*) FROM pragma_index_info(i.name)) AS columns,
    (SELECT min(c.name) FROM pragma_index_info(i.name) AS c) AS first
    FROM pragma_index_list(?) AS i WHERE i."unique" AND NOT i.partial"""

# Generated columns are hidden ones to SQLite.
_COLUMNS: Final = "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1"


def look(connection: sa.Connection, name: str, mapping: Mapping) -> Table:
    """Look at their table; arguments and errors are those of `exposure_publisher.attach.looking_postgresql.look`."""
    bare = name.removeprefix("main.").strip('"')
    kinds = "SELECT type, name FROM main.sqlite_master WHERE lower(name) = lower(?)"
    found = connection.exec_driver_sql(kinds, (bare,)).one_or_none()
    if found is None:
        raise NotThere(f"there is no table {name} in the file")
    if found.type != "table":
        raise DatabaseRefused(f"cannot attach to {name}: it is no table but a {found.type}")
    relation = f"main.{_quoted(found.name)}"
    columns = connection.exec_driver_sql(_COLUMNS, (found.name,)).all()
    key = _key(connection, found.name, mapping, {row.name.lower(): row for row in columns})
    _try(connection, relation, mapping)
    return Table(
        relation=relation,
        columns=tuple(Column(name=row.name, quoted=_quoted(row.name)) for row in columns),
        key=_quoted(key),
    )


def _key(
    connection: sa.Connection, table: str, mapping: Mapping, columns: dict[str, sa.Row[tuple[str, str, int]]]
) -> str:
    name = mapping.key.lower()
    whole = name in columns and "INT" in columns[name].type.upper()
    alone = name in columns and columns[name].pk == sum(row.pk for row in columns.values()) == 1
    indexes = connection.exec_driver_sql(_KEYS, (table,)).all()
    if not whole or not (alone or any(row.columns == 1 and (row.first or "").lower() == name for row in indexes)):
        raise DatabaseRefused(
            f"cannot attach to {table}: expid is mapped to {mapping.columns['expid']!r}, which must be a column of "
            "whole numbers with a unique index of its own (a primary key is one)"
        )
    return str(columns[name].name)


def _try(connection: sa.Connection, relation: str, mapping: Mapping) -> None:
    try:
        connection.exec_driver_sql(mapping.bare(relation))
    except sa.exc.OperationalError as error:
        raise DatabaseRefused(f"the mapping does not fit {relation}: {error.orig}") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
