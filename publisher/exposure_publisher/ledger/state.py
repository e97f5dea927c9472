"""How far the ledger is."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """How far the ledger is."""

    epoch: str
    """Identity of this ledger."""
    newest: int
    """The newest number given; 0 if none was."""
    confirmed: int
    """The broker has everything up to this number."""
    refilling: bool
    """Whether there may be exposures that no change tells of and that have no number yet: see `Ledger.refill`."""


_READ: Final = sa.text(
    """SELECT epoch, newest, confirmed, refill_after IS NOT NULL
        OR EXISTS (SELECT 1 FROM exposure_change WHERE expid IS NULL) AS refilling
    FROM exposure_ledger_state"""
)


def read_state(connection: sa.Connection) -> LedgerState:
    """Read how far the ledger is."""
    row = connection.execute(_READ).one()
    return LedgerState(epoch=row.epoch, newest=row.newest, confirmed=row.confirmed, refilling=bool(row.refilling))
