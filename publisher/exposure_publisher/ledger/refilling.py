"""Refilling: numbers for exposures that no change tells of.

Such are the rows that were there before we were attached to their table, and all rows after a change of which it is
not known what it changed (``exposure_change`` without an expid). They are numbered page by page, ascending by expid, as
they are, without looking for their files; nobody is sent a message, since followers miss the numbers and heal. Where it
was interrupted it goes on: the place is kept in the ledger's state, in the transaction of each page.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from exposure_publisher.ledger.rows import listed_of
from exposure_publisher.ledger.selection import BEFORE_ALL
from exposure_publisher.ledger.unnumbered import Unnumbered
from exposure_publisher.manifest.listed import Listed

Write = Callable[[Sequence[tuple[Unnumbered, Listed | None, int]], datetime], None]
"""Writes the newest number of each exposure."""

# Two steps: PostgreSQL, which knows nothing yet of a table that is being filled, would read all of it for a join.
_PAGE: Final = sa.text(
    """SELECT expid FROM (SELECT expid FROM exposure WHERE expid > :after ORDER BY expid LIMIT :most) AS here
    UNION
    SELECT expid FROM (SELECT expid FROM exposure_ledger WHERE expid > :after ORDER BY expid LIMIT :most) AS known
    ORDER BY expid LIMIT :most"""
)

_HERE: Final = sa.text("SELECT expid, data_written_at FROM exposure WHERE expid > :after AND expid <= :last")
_KNOWN: Final = sa.text(
    """SELECT expid, sequence, files, file_stamps, files_of FROM exposure_ledger
    WHERE expid > :after AND expid <= :last"""
)

_BEGIN: Final = sa.text("UPDATE exposure_ledger_state SET refill_after = :before_all, refill_above = newest")

# What nobody is sent need not be confirmed; but what is on its way still does.
_ADVANCE: Final = sa.text(
    """UPDATE exposure_ledger_state SET newest = newest + :count, refill_after = :after,
    confirmed = CASE WHEN confirmed = newest THEN newest + :count ELSE confirmed END"""
)

_CAPTURE: Final = sa.text("INSERT INTO exposure_change (expid) VALUES (:expid)")


def begin_refill(connection: sa.Connection) -> None:
    """Have every exposure numbered anew; the ledger's state must be locked."""
    connection.execute(_BEGIN, {"before_all": BEFORE_ALL})


def refill(connection: sa.Connection, most: int, write: Write) -> None:
    """Number a page of exposures, if there is anything to refill; the ledger's state must be locked.

    Args:
        connection: A transaction that writes.
        most: The most exposures to look at.
        write: Writes their numbers.
    """
    if connection.exec_driver_sql("DELETE FROM exposure_change WHERE expid IS NULL").rowcount:
        begin_refill(connection)
    after, above, newest = connection.exec_driver_sql(
        "SELECT refill_after, refill_above, newest FROM exposure_ledger_state"
    ).one()
    if after is None:
        return
    if above and after == BEFORE_ALL:  # what was read before a change of the mapping has been numbered since
        begin_refill(connection)
        above = newest
    page = list(connection.execute(_PAGE, {"after": after, "most": most}).scalars())
    ends = {"after": after, "last": page[-1] if page else after}
    here = {row.expid: row for row in connection.execute(_HERE, ends)} if above else {}
    known = {row.expid: row for row in connection.execute(_KNOWN, ends)}
    waiting = [expid for expid in page if expid not in known or known[expid].sequence <= above]
    # What was there before us is history, and its files are not read; what came later goes the usual way.
    to_be_listed = {expid for expid in waiting if above and _is_new(here.get(expid), known.get(expid))}
    numbered = [_with_its_files(expid, known.get(expid)) for expid in waiting if expid not in to_be_listed]
    if to_be_listed:
        connection.execute(_CAPTURE, [{"expid": expid} for expid in sorted(to_be_listed)])
    places = enumerate(numbered, newest + 1)
    write([(change, change.listed, number) for number, change in places], datetime.now(UTC))
    end = page[-1] if len(page) == most else None
    connection.execute(_ADVANCE, {"count": len(numbered), "after": end})


def _is_new(here: Any, known: Any) -> bool:
    """Return whether an exposure's files are not those that the ledger knows."""
    if here is None or known is None:
        return here is not None
    return known.files_of is not None and known.files_of != here.data_written_at


def _with_its_files(expid: int, known: Any) -> Unnumbered:
    """Return an exposure with the files that the ledger has of it."""
    listed = listed_of(known.files, known.file_stamps) if known else None
    row = {"data_written_at": known.files_of} if known and known.files_of is not None else None
    return Unnumbered(expid=expid, last_change=0, row=row, listed=listed, files_listed=True)
