"""The cache's database, through its driver.

A summary of one exposure is to take microseconds and the command a quarter of a second, so there is no layer between
(docs/decisions/0005-cache-through-the-driver.md). The SQL is the same for both drivers but for the placeholder.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from exposure_bus.errors import DatabaseError, DatabaseRefused
from exposure_bus.settings import redacted
from exposure_subscriber.cache.schema import FIRST_ROW, TABLES
from exposure_subscriber.cache.version import BEFORE_VERSIONS, QUERY, OtherVersion, require_ours

Row = tuple[Any, ...]


class CacheDatabase(ABC):
    """One cache, with a connection for each thread and process that uses it.

    It may be built in a parent process and used in its forked children: a child opens its own connections, and leaves
    the parent's alone. Nothing is opened before the first use.

    All methods raise `DatabaseUnreachable` or `DatabaseRefused` when the database does, and `OtherVersion` if the
    cache is of another version than this software's.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = redacted(url)
        """What it is called when something is said of it."""
        self._local = threading.local()

    @property
    def connection(self) -> Any:
        """The driver's connection of this thread in this process."""
        local = self._local
        identity = self.identity()
        if getattr(local, "pid", None) != os.getpid():
            # A connection that a fork brought along is the parent's: kept alive unused, since closing it here would
            # end the parent's session (PostgreSQL) or drop its locks (SQLite).
            local.inherited = getattr(local, "connection", None)
        elif local.identity == identity:
            return local.connection
        else:
            local.connection.close()
        local.pid = None
        local.connection = self._connect()
        local.pid, local.identity = os.getpid(), identity
        return local.connection

    def identity(self) -> object:
        """Return what tells this cache from another one that comes to stand in its place."""
        return self.url

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a SELECT; placeholders are ``?``."""
        try:  # not `_translated`, which costs a tenth of reading one exposure
            return self._select(self._placed(sql), values)
        except self._foreign as error:
            ours = self._ours(error)
            if isinstance(ours, DatabaseRefused):
                self._explain(ours)
            raise ours from error

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A transaction that writes, from the start; yields a cursor-like object with ``?`` placeholders."""
        try:
            with self.transaction_of_any_version() as writer:
                self._look_at_version(writer)
                yield writer
        except DatabaseRefused as error:
            self._explain(error)
            raise

    @contextmanager
    def transaction_of_any_version(self) -> Iterator[Any]:
        """The same for who makes the tables, or makes them anew."""
        with self._translated():
            cursor = self.connection.cursor()
            self._begin(cursor)
            try:
                yield _Writer(cursor, self)
                cursor.execute("COMMIT")
            except BaseException:
                self._roll_back(cursor)
                raise

    def create(self) -> None:
        """Make the tables where they are missing."""
        with self.transaction_of_any_version() as writer:
            self.serialise_creation(writer)
            if (version := self.version(writer)) is not None:
                require_ours(self.name, version)
            self.make_tables(writer)

    def make_tables(self, writer: Any) -> None:
        """Make the tables that are missing, within a transaction."""
        for statement in TABLES:
            writer.execute(statement.format(**self._words))
        writer.execute(FIRST_ROW)

    def version(self, writer: Any) -> int | None:
        """Return which version the cache is of, within a transaction; None if there is none yet."""
        columns = self.columns(writer, "follower")
        if not columns:
            return None
        row = writer.execute(QUERY).fetchone() if "version" in columns else None
        return int(row[0]) if row else BEFORE_VERSIONS

    def _look_at_version(self, writer: Any) -> None:
        row = writer.execute(QUERY).fetchone()
        require_ours(self.name, row[0] if row else BEFORE_VERSIONS)

    def _explain(self, error: DatabaseRefused) -> None:
        """Raise `OtherVersion` if that is why a statement was refused."""
        version = None
        with suppress(DatabaseError), self._translated():
            version = self.version(_Writer(self.connection.cursor(), self))
        if version is not None:
            try:
                require_ours(self.name, version)
            except OtherVersion as other:
                raise other from error

    def close(self) -> None:
        """Close this thread's connection."""
        if getattr(self._local, "pid", None) == os.getpid():
            self._local.connection.close()
        self._local = threading.local()

    @abstractmethod
    def columns(self, writer: Any, table: str) -> dict[str, bool]:
        """Return the columns of a table, each with whether a row needs a value for it; none if there is no table."""

    @abstractmethod
    def serialise_creation(self, writer: Any) -> None:
        """Keep two who come first from creating at once."""

    @abstractmethod
    def _select(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """Run a SELECT on a cache of this software's version; refuse any other."""

    @abstractmethod
    def upsert(self, writer: Any, rows: Sequence[Row]) -> None:
        """Insert rows of `exposure_subscriber.cache.schema.COLUMNS`, each expid once; a newer state stays."""

    @abstractmethod
    def notify(self, writer: Any) -> None:
        """Wake who waits for this cache, once the transaction commits."""

    @contextmanager
    @abstractmethod
    def hold_name(self, name: str) -> Iterator[bool]:
        """Hold a name among all processes that use this cache; yields False if another holds it."""

    for_update = ""
    """What makes a SELECT hold its row until the transaction ends, where a writing transaction alone does not."""

    _words: dict[str, str]

    _foreign: type[Exception]
    """What the driver raises."""

    @abstractmethod
    def _connect(self) -> Any:
        """Open a connection of the driver's."""

    @abstractmethod
    def _begin(self, cursor: Any) -> None:
        """Begin a transaction that writes."""

    @abstractmethod
    def _roll_back(self, cursor: Any) -> None:
        """Undo a transaction, if there still is one."""

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """A context in which the driver's errors become ours."""
        try:
            yield
        except self._foreign as error:
            raise self._ours(error) from error

    @abstractmethod
    def _ours(self, error: Any) -> DatabaseError:
        """Return our error for one of the driver's."""

    @abstractmethod
    def _placed(self, sql: str) -> str:
        """Return SQL with the driver's placeholders."""


class _Writer:
    """A cursor within a transaction."""

    def __init__(self, cursor: Any, database: CacheDatabase) -> None:
        self.cursor = cursor
        self._placed = database._placed  # noqa: SLF001 (one concept, two classes)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement."""
        self.cursor.execute(self._placed(sql), values)
        return self.cursor

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row."""
        self.cursor.executemany(self._placed(sql), rows)


@lru_cache(maxsize=64)
def percent_placeholders(sql: str) -> str:
    """Return SQL with ``%s`` for ``?``."""
    return sql.replace("?", "%s")
