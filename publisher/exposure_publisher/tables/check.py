"""A whole table held to its rules before a single row of it goes anywhere."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from exposure_publisher.tables.errors import BadRows
from exposure_publisher.tables.layout import Watch
from exposure_publisher.tables.reader import BadRow, ExposureTable

MOST_KEPT: Final = 10_000
"""Bad rows that are kept to be listed; a file with more is probably none of ours."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found in a table."""

    rows: int
    """Rows there are, good and bad."""
    bad: tuple[BadRow, ...]
    """The bad ones in order, up to `MOST_KEPT`."""
    bad_rows: int
    """How many bad ones there are."""
    nights: frozenset[int]
    """Nights of the good ones, YYYYMMDD."""


def check(table: ExposureTable, watch: Watch | None = None) -> Check:
    """Read every row of a table and say what is wrong.

    Args:
        table: The table.
        watch: Called now and then with how many bytes have been read.

    Raises:
        UnreadableTable: The text breaks off, or can no longer be read.
    """
    seen = _Seen()
    bad: list[BadRow] = []
    rows = bad_rows = 0
    nights: set[int] = set()
    for found in table.rows(watch):
        rows += 1
        row = found if isinstance(found, BadRow) else seen.again(found.line, found.values["expid"]) or found
        if isinstance(row, BadRow):
            bad_rows += 1
            bad += [row] if bad_rows <= MOST_KEPT else []
        else:
            nights.add(row.values["night"])
    return Check(rows=rows, bad=tuple(bad), bad_rows=bad_rows, nights=frozenset(nights))


def good_rows(table: ExposureTable, watch: Watch | None = None) -> Iterator[dict[str, Any]]:
    """Yield the values of every row of a table that was found good.

    Raises:
        BadRows: A row is bad after all: the file has changed since it was checked.
    """
    for found in table.rows(watch):
        if isinstance(found, BadRow):
            where = f"{table.path}, line {found.line}"
            raise BadRows(f"{where}: {found.reason}; the file changed while it was read, nothing was loaded")
        yield found.values


class _Seen:
    """The exposure numbers so far and their lines; 16 bytes each as long as they ascend, as in real tables."""

    def __init__(self) -> None:
        self._expids = array("q")
        self._lines = array("q")
        self._line_of: dict[int, int] | None = None

    def again(self, line: int, expid: int) -> BadRow | None:
        """Note an exposure number; return the bad row if it was there before."""
        if self._line_of is None and (not self._expids or expid > self._expids[-1]):
            self._expids.append(expid)
            self._lines.append(line)
            return None
        if self._line_of is None:
            self._line_of = dict(zip(self._expids, self._lines, strict=True))
        first = self._line_of.setdefault(expid, line)
        return None if first == line else BadRow(line, f"expid {expid} is on line {first} already: keep one of them")
