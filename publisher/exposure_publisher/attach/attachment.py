"""What the ledger keeps of the table that it is attached to."""

import json
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from exposure_publisher.attach.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A table that we are attached to."""

    relation: str
    """Its name, quoted."""
    capture: str
    """What captures its changes, as SQL."""
    columns: tuple[str, ...]
    """Its columns that were looked at when we were attached."""
    journal_mode: str | None
    """How the SQLite file was written before; None on PostgreSQL."""


_READ: Final = "SELECT relation, capture, columns, journal_mode FROM exposure_attachment"

_KEEP: Final = sa.text(
    """INSERT INTO exposure_attachment (id, relation, selection, capture, columns, journal_mode)
    VALUES (1, :relation, :selection, :capture, :columns, :journal_mode)
    ON CONFLICT (id) DO UPDATE SET selection = excluded.selection, capture = excluded.capture,
        columns = excluded.columns"""
)


def read_attachment(connection: sa.Connection) -> Attachment | None:
    """Return what a ledger is attached to; None if its exposures are in a table of our own."""
    row = connection.exec_driver_sql(_READ).one_or_none()
    if row is None:
        return None
    return Attachment(
        relation=row.relation,
        capture=row.capture,
        columns=tuple(json.loads(row.columns)),
        journal_mode=row.journal_mode,
    )


def keep_attachment(connection: sa.Connection, plan: Plan, journal_mode: str | None) -> None:
    """Keep what a ledger is attached to; the journal mode stays what it was kept as first."""
    values = {
        "relation": plan.relation,
        "selection": plan.selection,
        "capture": plan.capture,
        "columns": json.dumps(plan.columns),
        "journal_mode": journal_mode,
    }
    connection.execute(_KEEP, values)
