"""The ledger's operations, each one transaction."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Final

import sqlalchemy as sa

from exposure_publisher.exposuredb.by_driver import Cursor, reading_by_driver, writing_by_driver
from exposure_publisher.exposuredb.creation import bring_up_to_date
from exposure_publisher.exposuredb.engine import open_engine, translated, writing
from exposure_publisher.exposuredb.table import COLUMNS
from exposure_publisher.ledger.audited import Audited, audited, audited_query
from exposure_publisher.ledger.refilling import refill
from exposure_publisher.ledger.rows import COLUMN_LIST, TIMED_COLUMN_LIST, files_of, listed_of
from exposure_publisher.ledger.selection import Matches, Selection
from exposure_publisher.ledger.state import LedgerState, read_state
from exposure_publisher.ledger.unnumbered import Unnumbered
from exposure_publisher.manifest.listed import Listed
from exposure_schemas import Manifest

CHANGES_AT_ONCE: Final = 5000
"""Changes that are looked through for one page; several may be of one exposure."""

Numbered = tuple[int, int]
"""expid and the sequence number it got."""

LedgerRow = tuple[int, int, dict[str, Any] | None, Manifest | None]
"""Sequence number, expid, the exposure's present columns (None if it is retracted: its row is gone), its manifest."""


class Ledger(ABC):
    """The ledger of one exposureDB.

    Args:
        url: The exposureDB.
        create: Whether to make what is not there.

    Every method raises `DatabaseUnreachable` or `DatabaseRefused` when the database does.
    """

    _SEEN: ClassVar[str]
    """Selects id and expid of the changes that are not left out; ``left_out`` is JSON."""

    _PLACE: ClassVar[str]
    """The driver's placeholder of a value, whose name is to be put in: what each message costs goes to the driver as it
    is, since SQLAlchemy would take longer over it than the database."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._url = url
        self._engine = self._open(url)
        places = {name: self._PLACE.format(name) for name in ("changes", "most", "newest", "confirmed")}
        self._oldest, self._newest = (
            _UNNUMBERED.format(seen=self._SEEN, order=order, **places) for order in ("ASC", "DESC")
        )
        self._advance = _ADVANCE.format(**places)
        with translated(url):
            bring_up_to_date(self._engine, create=create)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def state(self) -> LedgerState:
        """Return how far the ledger is."""
        with translated(self._url), self._engine.connect() as connection:
            return read_state(connection)

    def refill(self, most: int) -> tuple[int, LedgerState]:
        """Number a page of the exposures that no change tells of: see `exposure_publisher.ledger.refilling`.

        Args:
            most: The most exposures to look at.

        Returns:
            The number before the first that it gave, and how far the ledger is then.
        """
        with translated(self._url), writing(self._engine) as connection:
            cursor = connection.connection.cursor()
            before = self._lock_newest(cursor)
            refill(connection, most, partial(self._write, cursor))
            return before, read_state(connection)

    def others_wrote(self) -> bool:
        """Return whether somebody else may have committed since the last time this was asked."""
        return True

    def unnumbered(
        self, most: int, left_out: Mapping[int, int] = MappingProxyType({}), *, newest: bool = False
    ) -> list[Unnumbered]:
        """Return exposures whose changes have no number yet, the oldest change first.

        Args:
            most: The most exposures to return.
            left_out: Exposures whose changes are known, each with the last one that is; what came after is returned.
            newest: Whether to return those that changed last, if there are more.
        """
        query = self._newest if newest else self._oldest
        values = {"changes": CHANGES_AT_ONCE, "most": most, "left_out": json.dumps(dict(left_out))}
        with translated(self._url), reading_by_driver(self._engine) as cursor:
            cursor.execute(query, values)
            rows = cursor.fetchall()
        return [_unnumbered(row) for row in rows]

    def present(self, changes: Sequence[Unnumbered]) -> list[Unnumbered]:
        """Return the same changes with the rows that their exposures have now."""
        with translated(self._url), self._engine.connect() as connection:
            rows = connection.execute(_PRESENT, {"expids": [change.expid for change in changes]}).all()
        found = {row.expid: dict(zip(COLUMNS, row, strict=True)) for row in rows}
        return [replace(change, row=found.get(change.expid)) for change in changes]

    def number(
        self,
        changes: Sequence[Unnumbered],
        manifests: Sequence[Listed | None],
        confirmed: int,
        moment: datetime | None = None,
    ) -> list[Numbered]:
        """Give each change the next number, all in one transaction.

        Args:
            changes: What `unnumbered` returned; what another relay has numbered since gets none, nor does an exposure
                whose row is gone and that never had one: nobody has heard of it.
            manifests: The files of each.
            confirmed: The broker has everything up to this number; kept in the same transaction.
            moment: When they are numbered; default: now. It stands for the time of a row that has none.

        Returns:
            expid and number, ascending by number.
        """
        with translated(self._url), writing_by_driver(self._engine) as cursor:
            newest, mine = self._take(cursor, changes)
            mine -= self._never_announced(cursor, [each.expid for each in changes if each.row is None])
            pairs = (pair for pair in zip(changes, manifests, strict=True) if pair[0].expid in mine)
            numbered = [(change, listed, newest + place) for place, (change, listed) in enumerate(pairs, 1)]
            self._write(cursor, numbered, moment or now())
            cursor.execute(self._advance, {"newest": newest + len(numbered), "confirmed": confirmed})
        return [(change.expid, sequence) for change, _, sequence in numbered]

    def confirm(self, confirmed: int, moments: Mapping[int, datetime] = MappingProxyType({})) -> None:
        """Keep that the broker has everything up to a number.

        Args:
            confirmed: The number.
            moments: When the broker confirmed each of these numbers; the first moment of a number stays.
        """
        # One that a power cut takes back is sent again, and twice is harmless.
        with translated(self._url), writing(self._engine, durable=False) as connection:
            connection.execute(_CONFIRM, {"confirmed": confirmed})
            if moments:
                self._write_confirmed(connection, moments)

    def read(self, first: int, last: int, most: int) -> list[LedgerRow]:
        """Return the present state of the exposures whose newest number lies in a span, retracted or not, by number.

        Args:
            first: First number of the span.
            last: Last number of it, included.
            most: The most rows to return.
        """
        with translated(self._url), self._engine.connect() as connection:
            rows = connection.execute(_READ, {"first": first, "last": last, "most": most}).all()
        return [_ledger_row(row) for row in rows]

    def count(self, selection: Selection) -> Matches:
        """Return how many exposures of a selection there are."""
        with translated(self._url), self._engine.connect() as connection:
            row = connection.execute(selection.query(_COUNT)).one()
        return Matches(numbered=row.numbered, unnumbered=row.unnumbered)

    def page(self, selection: Selection, after: int, most: int) -> list[LedgerRow]:
        """Return the present state of the numbered exposures of a selection, ascending by expid.

        Those that are retracted are among them if exposures are selected by expid: nothing else is left of them.

        Args:
            selection: Which exposures.
            after: The expid after which the page begins; first `Selection.before_first`.
            most: The most rows to return.
        """
        with translated(self._url), self._engine.connect() as connection:
            rows = connection.execute(selection.query(_PAGE), {"after": after, "most": most}).all()
        return [_ledger_row(row) for row in rows]

    def audited(self, after: int, most: int, *, night: int | None = None, expids: Sequence[int] = ()) -> list[Audited]:
        """Return what the exposureDB holds, numbered or not, ascending by expid.

        Args:
            after: The expid after which the page begins; first `BEFORE_ALL`.
            most: The most rows to return.
            night: Of this night only.
            expids: Of these exposures only.
        """
        with translated(self._url), self._engine.connect() as connection:
            rows = connection.execute(audited_query(after, most, night, expids)).all()
        return [audited(row) for row in rows]

    def _never_announced(self, cursor: Cursor, expids: Sequence[int]) -> set[int]:
        """Return which exposures have no number; looked up while nobody else numbers."""
        if not expids:
            return set()
        cursor.execute(_ANNOUNCED.format(expids=", ".join(map(str, map(int, expids)))))
        return set(expids) - {expid for (expid,) in cursor.fetchall()}

    def _open(self, url: str) -> sa.Engine:
        return open_engine(url, ping=False)  # whoever holds a ledger opens it anew when it has failed

    @abstractmethod
    def _lock_newest(self, cursor: Cursor) -> int:
        """Return the newest number, and keep others from numbering until the transaction ends."""

    @abstractmethod
    def _take(self, cursor: Cursor, changes: Sequence[Unnumbered]) -> tuple[int, set[int]]:
        """Do as `_lock_newest`, then delete the changes that are to be numbered.

        Returns:
            The newest number, and the expids whose changes were still there.
        """

    @abstractmethod
    def _write(
        self, cursor: Cursor, numbered: Sequence[tuple[Unnumbered, Listed | None, int]], moment: datetime
    ) -> None:
        """Write each exposure's newest number and manifest; the number is not confirmed yet."""

    @abstractmethod
    def _write_confirmed(self, connection: sa.Connection, moments: Mapping[int, datetime]) -> None:
        """Write when each number was confirmed, where it still is its exposure's newest and has no moment yet."""


def now() -> datetime:
    """Return the present moment, UTC."""
    return datetime.now(UTC)


# The inner limit keeps a page cheap however many changes wait.
_UNNUMBERED: Final = f"""SELECT
    c.expid AS change_expid, c.last_change, l.files, l.file_stamps, l.files_of, {COLUMN_LIST}
    FROM (SELECT expid, max(id) AS last_change
          FROM ({{seen}} ORDER BY c.id {{order}} LIMIT {{changes}}) AS seen
          GROUP BY expid ORDER BY max(id) {{order}} LIMIT {{most}}) AS c
    LEFT JOIN exposure AS e ON e.expid = c.expid
    LEFT JOIN exposure_ledger AS l ON l.expid = c.expid
    ORDER BY c.last_change"""

_PRESENT: Final = sa.text(f"SELECT {COLUMN_LIST} FROM exposure AS e WHERE e.expid IN :expids").bindparams(
    sa.bindparam("expids", expanding=True)
)

_ANNOUNCED: Final = "SELECT expid FROM exposure_ledger WHERE expid IN ({expids})"

# The inner limit keeps a page cheap however long the span is, whatever PostgreSQL knows of the tables.
_READ: Final = sa.text(
    f"""SELECT l.sequence, l.expid, l.files, {TIMED_COLUMN_LIST}
    FROM (SELECT sequence, expid, files, numbered_at FROM exposure_ledger
          WHERE sequence BETWEEN :first AND :last ORDER BY sequence LIMIT :most) AS l
    LEFT JOIN exposure AS e ON e.expid = l.expid ORDER BY l.sequence"""
)

_COUNT: Final = """SELECT
    (SELECT count(*) FROM exposure_ledger AS l LEFT JOIN exposure AS e ON e.expid = l.expid
     WHERE {numbered}) AS numbered,
    (SELECT count(*) FROM exposure AS e LEFT JOIN exposure_ledger AS l ON l.expid = e.expid
     WHERE {selected} AND l.expid IS NULL) AS unnumbered"""

# Both tables are told where the page begins: PostgreSQL does not conclude it for one from the other.
_PAGE: Final = f"""SELECT l.sequence, l.expid, l.files, {TIMED_COLUMN_LIST}
    FROM exposure_ledger AS l LEFT JOIN exposure AS e ON e.expid = l.expid AND e.expid > :after
    WHERE {{numbered}} AND l.expid > :after ORDER BY l.expid LIMIT :most"""

_ADVANCE: Final = """UPDATE exposure_ledger_state SET newest = {newest},
    confirmed = CASE WHEN confirmed < {confirmed} THEN {confirmed} ELSE confirmed END"""

_CONFIRM: Final = sa.text("UPDATE exposure_ledger_state SET confirmed = :confirmed WHERE confirmed < :confirmed")


def _unnumbered(row: Sequence[Any]) -> Unnumbered:
    expid, last_change, files, file_stamps, files_of, *rest = row
    columns = dict(zip(COLUMNS, rest, strict=True)) if rest[0] is not None else None
    listed = columns is not None and files_of is not None and files_of == columns["data_written_at"]
    return Unnumbered(
        expid=expid,
        last_change=last_change,
        row=columns,
        listed=listed_of(files, file_stamps),
        files_listed=listed,
    )


def _ledger_row(row: Any) -> LedgerRow:
    sequence, expid, files, *columns = row
    known = dict(zip(COLUMNS, columns, strict=False)) if columns[0] is not None else None  # as long: one SELECT
    return sequence, expid, known, files_of(files)
