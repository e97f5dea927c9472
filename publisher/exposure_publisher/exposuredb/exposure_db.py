"""`ExposureDB`, for code on the ICS side that writes exposures itself."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby, islice
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from exposure_bus.errors import DatabaseRefused, NotThere
from exposure_bus.settings import redacted
from exposure_publisher.errors import InvalidExposure
from exposure_publisher.exposuredb.creation import bring_up_to_date
from exposure_publisher.exposuredb.engine import open_engine, translated, writing
from exposure_publisher.exposuredb.schema_version import is_attached
from exposure_publisher.exposuredb.table import exposure
from exposure_publisher.exposuredb.validation import checked
from exposure_schemas import SUMMARY_KEYS

BATCH: Final = 1000
"""Rows that go to the database together."""


class ExposureDB:
    """The exposure database, where every exposure's row lives.

    Whatever is written here is announced on the bus by ``exposure-bus publish``: the ledger is written by a trigger
    in the same transaction, so there is no row without its announcement, and no announcement without its row.

    Args:
        url: ``postgresql://…`` or ``sqlite:///path``; tables that are missing are made.

    Raises:
        DatabaseUnreachable: The database does not answer.
        DatabaseRefused: It says no, or its exposures are in a table that somebody else writes.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = open_engine(url)
        with translated(url):
            bring_up_to_date(self._engine)
            self._refuse_attached()

    def record(self, *, expid: int, **values: Any) -> None:
        """Insert an exposure's row, or update the columns that are given.

        Args:
            expid: Exposure number.
            values: Any of the sixteen columns (see `exposure_schemas.Exposure` for types and units); ``night`` is
                needed for a new exposure.

        Raises:
            InvalidExposure: A column is unknown, a value is not what it holds, or a new exposure has no night.
        """
        self.record_many([{"expid": expid, **values}])

    def record_many(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert or update many rows in one transaction: all of them, or none.

        Args:
            rows: Mappings as `record` takes them, with ``expid`` among the keys.

        Returns:
            How many rows were given.

        Raises:
            InvalidExposure: As `record`; then no row was written.
        """
        count = 0
        with translated(self._url), writing(self._engine) as connection:
            for keys, batch in _batches(checked(row) for row in rows):
                self._upsert(connection, keys, batch)
                count += len(batch)
        return count

    def data_written(self, expid: int, *, data_location: str | None = None) -> None:
        """Say that all files of an exposure are on disk, now or again after they were replaced.

        Args:
            expid: Exposure number.
            data_location: Where they are; None leaves the row's.

        Raises:
            NotThere: There is no such exposure.
        """
        values: dict[str, Any] = {"expid": expid, "data_written": True, "data_written_at": datetime.now(UTC)}
        if data_location is not None:
            values["data_location"] = data_location
        values = checked(values)
        with translated(self._url), writing(self._engine) as connection:
            updated = connection.execute(sa.update(exposure).where(exposure.c.expid == expid).values(values))
        if updated.rowcount == 0:
            raise NotThere(f"the exposureDB has no exposure {expid}; record it first")

    def exposures(self) -> Iterator[dict[str, Any]]:
        """Yield every row as a dict of the sixteen keys, ascending by expid."""
        columns = [exposure.c[key] for key in SUMMARY_KEYS]
        with translated(self._url), self._engine.connect() as connection:
            result = connection.execution_options(yield_per=BATCH).execute(
                sa.select(*columns).order_by(exposure.c.expid)
            )
            for row in result:
                yield dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name begins so)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _refuse_attached(self) -> None:
        with self._engine.connect() as connection:
            if is_attached(connection):
                raise DatabaseRefused(
                    f"the exposureDB {redacted(self._url)} is attached to a table that others write; write there"
                )

    def _upsert(self, connection: sa.Connection, keys: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        insert = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        given = [key for key in keys if key != "expid"]
        if "night" not in keys:
            self._update(connection, given, rows)
            return
        statement = insert(exposure)
        changes = {key: statement.excluded[key] for key in given}
        connection.execute(statement.on_conflict_do_update(index_elements=["expid"], set_=changes), rows)

    def _update(self, connection: sa.Connection, given: list[str], rows: list[dict[str, Any]]) -> None:
        """Update rows that bring no night: they must be there."""
        for row in rows:
            values = {key: row[key] for key in given} or {"expid": row["expid"]}
            done = connection.execute(sa.update(exposure).where(exposure.c.expid == row["expid"]).values(values))
            if done.rowcount == 0:
                raise InvalidExposure(f"exposure {row['expid']} is new: it needs its night (YYYYMMDD)")


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """Gather rows that bring the same columns, so that they go to the database together."""
    for keys, group in groupby(rows, key=tuple):
        while batch := list(islice(group, BATCH)):
            yield keys, batch
