"""How far the ledger is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """How far the ledger is."""

    epoch: str
    """Identity of this ledger."""
    newest: int
    """The newest number given; 0 if none was."""
    confirmed: int
    """The broker has everything up to this number."""
