"""Which exposures are asked for, and how a query says it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from exposure_publisher.exposuredb.table import UtcDateTime

BEFORE_ALL: Final = -(2**63)
"""Lower than any expid that a database can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Exposures by number, by night or by date; all of them if nothing is given."""

    expids: tuple[int, int] | None = None
    """Lowest and highest expid, both included."""
    night: int | None = None
    """YYYYMMDD of the evening."""
    dates: tuple[datetime, datetime] | None = None
    """Earliest and latest moment at which data_written was updated, both included, aware."""

    @property
    def everything(self) -> bool:
        """Whether all exposures are asked for."""
        return self.expids is None and self.night is None and self.dates is None

    @property
    def before_first(self) -> int:
        """An expid below the lowest that can be asked for: where reading begins."""
        return BEFORE_ALL if self.expids is None else self.expids[0] - 1

    def query(self, select: str) -> sa.TextClause:
        """Return a SELECT whose ``{selected}`` and ``{numbered}`` are filled in.

        Args:
            select: The exposure table is called ``e``, the ledger ``l``. ``{selected}`` selects rows of exposures,
                ``{numbered}`` of the ledger, joined with the exposures' where they are there.
        """
        types = {"low": UtcDateTime(), "high": UtcDateTime()} if self.dates else {}
        filled = select.format(selected=self._clause("e.expid"), numbered=self._clause("l.expid"))
        return sa.text(filled).bindparams(
            *(sa.bindparam(name, value, type_=types.get(name)) for name, value in self._values.items())
        )

    def _clause(self, expid: str) -> str:
        if self.expids:
            return f"{expid} BETWEEN :low AND :high"
        if self.dates:
            return "coalesce(e.data_written_at, l.numbered_at) BETWEEN :low AND :high"
        return "1 = 1" if self.night is None else "e.night = :night"

    @property
    def _values(self) -> dict[str, Any]:
        ends = self.expids or self.dates
        if ends:
            return {"low": ends[0], "high": ends[1]}
        return {} if self.night is None else {"night": self.night}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """How many exposures a selection has."""

    numbered: int
    """With a sequence number; retracted ones among them where they are selected by expid."""
    unnumbered: int
    """Without one yet: the relay is about to announce them."""
