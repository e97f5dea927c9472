"""Their table, as it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of their table."""

    name: str
    """As the database spells it."""
    quoted: str
    """As SQL spells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Their table."""

    relation: str
    """Its name, quoted, with its schema."""
    columns: tuple[Column, ...]
    """All its columns."""
    key: str
    """The column that numbers its rows, quoted."""
    naive_moments: tuple[str, ...] = ()
    """Which columns of ours come as moments without a time zone."""
