"""What the exposureDB holds, beside what the ledger knows of it: for an audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from exposure_publisher.exposuredb.table import COLUMNS, as_moment
from exposure_publisher.ledger.rows import TIMED_COLUMN_LIST, files_of
from exposure_schemas import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One exposure of the exposureDB."""

    row: dict[str, Any]
    """Its present columns."""
    sequence: int | None
    """Its newest number; None if it has none."""
    files: Manifest | None
    """The manifest that was announced under it."""
    numbered_at: datetime | None
    """When it got that number."""
    confirmed_at: datetime | None
    """When the broker confirmed its message, if that was kept."""
    waiting: bool
    """Whether a change of it has no number yet."""


# One statement is one look: what has changed after it is not waiting in it either. Each table is told where the page
# begins: PostgreSQL does not conclude it for one from the other, and would read the ledger from its beginning.
_SELECT: Final = f"""SELECT l.sequence, l.files, l.numbered_at, l.confirmed_at, c.expid AS waiting, {TIMED_COLUMN_LIST}
    FROM exposure AS e
    LEFT JOIN exposure_ledger AS l ON l.expid = e.expid AND l.expid > :after
    LEFT JOIN (SELECT DISTINCT expid FROM exposure_change WHERE expid > :after) AS c ON c.expid = e.expid
    WHERE e.expid > :after {{selected}} ORDER BY e.expid LIMIT :most"""

_OF_A_NIGHT: Final = sa.text(_SELECT.format(selected="AND e.night = :night"))
_OF_ALL: Final = sa.text(_SELECT.format(selected=""))
_OF_THESE: Final = sa.text(_SELECT.format(selected="AND e.expid IN :expids")).bindparams(
    sa.bindparam("expids", expanding=True)
)


def audited_query(after: int, most: int, night: int | None, expids: Sequence[int]) -> sa.Executable:
    """Return the SELECT of a page, ascending by expid.

    Args:
        after: The expid behind which the page begins.
        most: The most rows to return.
        night: Of this night only.
        expids: Of these only.
    """
    if expids:
        return _OF_THESE.bindparams(after=after, most=most, expids=list(expids))
    if night is not None:
        return _OF_A_NIGHT.bindparams(after=after, most=most, night=night)
    return _OF_ALL.bindparams(after=after, most=most)


def audited(row: Any) -> Audited:
    """Read one row of it."""
    return Audited(
        row=dict(zip(COLUMNS, row[5:], strict=True)),
        sequence=row.sequence,
        files=files_of(row.files),
        numbered_at=as_moment(row.numbered_at),
        confirmed_at=as_moment(row.confirmed_at),
        waiting=row.waiting is not None,
    )
