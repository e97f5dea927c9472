"""What of their table is what of an exposure's, and the SELECT that shows it so."""

import re
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as Keyed
from dataclasses import dataclass, field
from typing import Final

from exposure_bus.errors import UsageError
from exposure_publisher.exposuredb.table import COLUMNS

Value = int | float | str

NEEDED: Final = ("expid", "night", "data_written")
"""Without these there is no exposure."""

_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Which of their columns, or which expression over them, is which of ours.

    Raises:
        UsageError: A name is none of ours, or one is missing that each exposure needs.
    """

    columns: Keyed[str, str]
    """Our name to their column, or to an SQL expression over their columns; what is left out is always None."""
    none: Keyed[str, tuple[Value, ...]] = field(default_factory=dict)
    """Our name to the values that stand for none there."""
    where: str = ""
    """SQL condition that a row meets which is an exposure; empty if all do."""

    def __post_init__(self) -> None:
        for name in (*self.columns, *self.none):
            if name not in COLUMNS:
                raise UsageError(f"attach maps {name!r}, which no exposure has; known are {', '.join(COLUMNS)}")
        for name in NEEDED:
            if not self.columns.get(name, "").strip():
                raise UsageError(
                    f"attach maps nothing to {name}, which every exposure needs: say it in [attach.columns]"
                )

    @property
    def key(self) -> str:
        """The column that numbers their rows: in small letters unless it is quoted, as SQL reads it."""
        name = self.columns["expid"].strip()
        return name[1:-1].replace('""', '"') if name[0] == name[-1] == '"' else name.lower()

    @property
    def expressions(self) -> tuple[str, ...]:
        """All SQL that is over their columns."""
        return (*self.columns.values(), self.where)

    def selection(self, relation: str, naive_moments: Iterable[str] = ()) -> str:
        """Return the SELECT that shows their rows as exposures.

        Args:
            relation: Their table, quoted.
            naive_moments: Which of ours come as moments without a time zone: they are UTC.
        """
        naive = frozenset(naive_moments)
        shown = ", ".join(f"{self._shown(name, naive)} AS {name}" for name in COLUMNS)
        conditions = [f"({self.columns['expid']}) IS NOT NULL", *([f"({self.where})"] if self.where else [])]
        return f"SELECT {shown} FROM {relation} WHERE {' AND '.join(conditions)}"

    def bare(self, relation: str) -> str:
        """Return a SELECT of the same columns as they stand there, to see whether that can be, and of what types."""
        shown = ", ".join(f"({self.columns[name]}) AS {name}" if name in self.columns else "NULL" for name in COLUMNS)
        return f"SELECT {shown} FROM {relation} WHERE {self.where or '1 = 1'} LIMIT 0"

    def _shown(self, name: str, naive: frozenset[str]) -> str:
        if name not in self.columns:
            return f"CAST(NULL AS {_TYPES.get(name, 'double precision')})"
        shown = f"({self.columns[name]})"
        if self.none.get(name):
            shown = f"CASE WHEN {shown} IN ({', '.join(map(_literal, self.none[name]))}) THEN NULL ELSE {shown} END"
        if name in naive:
            shown = f"({shown}) AT TIME ZONE 'UTC'"
        if name == "data_written":
            return f"coalesce({shown}, false)"
        # Until its data is written, the time of an exposure is that of its last change, which the ledger knows.
        return f"CASE WHEN ({self.columns['data_written']}) THEN {shown} END" if name == "data_written_at" else shown


def columns_used(expressions: Iterable[str], known: Sequence[str], relation: str) -> tuple[str, ...]:
    """Return which of their columns some SQL may be over; one too many does no harm, one too few would.

    Args:
        expressions: The SQL.
        known: All columns of their table, as the database spells them.
        relation: Their table, quoted, with its schema; its name alone, as an expression, stands for a whole row.
    """
    sql = " ".join(expressions).lower()
    words = {word.strip('"') for word in _WORD.findall(sql)}
    table = relation.rpartition(".")[2].strip('"').lower()
    if table in words and table not in map(str.lower, known):
        return tuple(known)
    return tuple(column for column in known if _is_used(column.lower(), sql, words))


def _is_used(column: str, sql: str, words: Collection[str]) -> bool:
    if _WORD.fullmatch(column):
        return column in words
    return column in sql or column.replace('"', '""') in sql  # spaces or quotes, in whatever way it is quoted


_TYPES: Final = {
    "tile_id": "bigint",
    "program": "text",
    "exptype": "text",
    "data_location": "text",
    "date": "timestamptz",
    "data_written_at": "timestamptz",
}
"""Types of what is always None; PostgreSQL wants one."""

_WORD: Final = re.compile(r'"[^"]+"|[^\W\d][\w$]*')


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if not _NUMBER.fullmatch(repr(value)):
        raise UsageError(f"attach cannot take {value!r} for none: give a finite number or a text")
    return repr(value)
