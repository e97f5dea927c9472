"""Attaching and detaching: one transaction each, which waits for a moment in which nobody writes, and never long."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa

from exposure_bus.database import sqlite_path
from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher.attach import looking_postgresql, looking_sqlite, postgresql, sqlite
from exposure_publisher.attach.attachment import Attachment, keep_attachment, read_attachment
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.attach.plan import Plan
from exposure_publisher.attach.standing import stands
from exposure_publisher.exposuredb.creation import lock_creation
from exposure_publisher.exposuredb.engine import SCHEMA, open_engine, translated, writing
from exposure_publisher.exposuredb.schema_version import HEAD, upgrade, upgrade_script, version_of
from exposure_publisher.ledger.refilling import begin_refill

LOCK_TIMEOUT: Final = 0.1
"""Seconds that a try waits for their table: whoever writes there waits behind it for so long at most."""

FROZEN: Final = 2.0
"""Seconds after which the server takes their table back from an `attach` that says nothing more (it is frozen, or its
host is gone)."""

BETWEEN_TRIES: Final = 0.3
PATIENCE: Final = 600.0
"""Seconds, from one try to the next and for all of them."""

_LOCKED: Final = "55P03"
"""PostgreSQL's code of a lock that did not come in time."""

Waiting = Callable[[], object]
"""Called when a try has to be made again."""


class Outcome(Enum):
    """What was done."""

    ATTACHED = "attached"
    CHANGED = "changed"
    NOTHING = "nothing to do"
    DETACHED = "detached"
    DETACHED_IN_USE = "detached, but others have the file open"


def script(url: str, table: str, mapping: Mapping) -> str:
    """Return the SQL by which `attach` would attach, and change nothing; raises as `attach`."""
    with closing(_Place(url)) as place, translated(url), place.engine.connect() as connection:
        plan = place.plan(connection, table, mapping)
    statements = [*plan.prepare, *place.ledger_script(), *plan.show, *plan.watch]
    return "".join(f"{statement.strip().rstrip(';')};\n\n" for statement in statements)


def attach(url: str, table: str, mapping: Mapping, waiting: Waiting = lambda: None) -> Outcome:
    """Attach the bus to a table, or change how it is attached; rows that are there are to be numbered then (refilled).

    Args:
        url: The database.
        table: Their table.
        mapping: Which of its columns is what.
        waiting: Called whenever somebody writes there, and a next try has to be made.

    Raises:
        NotThere: There is no such table.
        DatabaseRefused: It cannot be attached to, we are attached to another one, or rights are missing.
        DatabaseUnreachable: The database does not answer, or their table was never free.
    """
    with closing(_Place(url)) as place:
        return place.when_nobody_writes(lambda connection: _attach(place, connection, table, mapping), waiting)


def detach(url: str, waiting: Waiting = lambda: None) -> Outcome:
    """Take every trace of us away; arguments and errors as `attach`. What the bus has said stays in the caches."""
    with closing(_Place(url)) as place:
        known: list[Attachment] = []
        outcome = place.when_nobody_writes(lambda connection: _detach(place, connection, known), waiting)
    return outcome if all(map(place.tidied_up, known)) else Outcome.DETACHED_IN_USE


def _attach(place: "_Place", connection: sa.Connection, table: str, mapping: Mapping) -> Outcome:
    version = version_of(connection)
    known = None if version is None else read_attachment(connection)
    if version is not None and known is None:
        raise DatabaseRefused("this database holds an exposureDB of our own already; nothing is to be attached here")
    plan = place.plan(connection, table, mapping)
    if known is not None and known.relation != plan.relation:
        raise DatabaseRefused(f"the bus is attached to {known.relation} here: `exposure-bus detach` first")
    intact = known is not None and stands(connection, plan.relation)
    if known is not None and intact and version == HEAD and known.capture == plan.capture:
        return Outcome.NOTHING
    with place.our_names(connection, plan):
        upgrade(connection)
        keep_attachment(connection, plan, place.journal_mode)
        begin_refill(connection)
    _run(connection, plan.show)
    if not (intact and plan.triggers_stay):
        place.hold_theirs_briefly(connection)
        _run(connection, plan.watch if known is None else plan.rewatch)
    return Outcome.ATTACHED if known is None else Outcome.CHANGED


def _detach(place: "_Place", connection: sa.Connection, known: list[Attachment]) -> Outcome:
    if version_of(connection) is None:
        return Outcome.NOTHING
    attachment = read_attachment(connection)
    if attachment is None:
        raise DatabaseRefused("this database holds an exposureDB of our own, and is attached to nothing")
    place.hold_theirs_briefly(connection)
    _run(connection, place.sql.removal(attachment.relation))
    known[:] = [attachment]
    return Outcome.DETACHED


def _run(connection: sa.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement, execution_options=_AS_IT_IS)


_AS_IT_IS: Final = {"no_parameters": True}
"""A % in a statement is no placeholder."""


class _Place:
    """A database to which we are to be attached."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._path = sqlite_path(url)
        if self._path is not None and not self._path.exists():
            raise DatabaseRefused(f"there is no {self._path}")
        self.sql: ModuleType = postgresql if self._path is None else sqlite
        self.journal_mode = None if self._path is None else _journal_mode(self._path)
        self.engine = open_engine(url)

    def close(self) -> None:
        self.engine.dispose()

    def plan(self, connection: sa.Connection, table: str, mapping: Mapping) -> Plan:
        looking = looking_postgresql if self._path is None else looking_sqlite
        made: Plan = self.sql.plan(looking.look(connection, table, mapping), mapping)
        return made

    def ledger_script(self) -> list[str]:
        if self._path is not None:
            return ["-- and tables for the ledger: " + ", ".join(sqlite.TABLES)]
        return [f"SET search_path = {SCHEMA}", *upgrade_script().split(";\n\n"), "RESET search_path"]

    @contextmanager
    def our_names(self, connection: sa.Connection, plan: Plan) -> Any:
        """What is made within the block is ours."""
        if self._path is not None:
            yield
            return
        # Even for IF NOT EXISTS the right to make a schema is wanted, which its owner may have no more.
        if connection.execute(_HAS_SCHEMA, {"schema": SCHEMA}).one_or_none() is None:
            _run(connection, plan.prepare)
        before = connection.exec_driver_sql("SELECT current_setting('search_path')").scalar_one()
        search_path = sa.text("SELECT set_config('search_path', :path, true)")
        connection.execute(search_path, {"path": SCHEMA})
        yield
        connection.execute(search_path, {"path": before})

    def when_nobody_writes(self, work: Callable[[sa.Connection], Outcome], waiting: Waiting) -> Outcome:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with translated(self._url), writing(self.engine) as connection:
                    return self._try(connection, work)
            except _SomebodyWrites:
                if time.monotonic() > deadline:
                    raise DatabaseUnreachable(
                        f"somebody has been writing there for {PATIENCE:.0f} s without a pause: a long transaction? "
                        "(see pg_stat_activity)"
                    ) from None
                waiting()
                time.sleep(BETWEEN_TRIES)

    def _try(self, connection: sa.Connection, work: Callable[[sa.Connection], Outcome]) -> Outcome:
        try:
            lock_creation(connection)
            if self._path is None:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(LOCK_TIMEOUT * 1000)}")
            return work(connection)
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "pgcode", None) == _LOCKED:
                raise _SomebodyWrites from error
            raise

    def hold_theirs_briefly(self, connection: sa.Connection) -> None:
        """Whoever writes their table waits until this transaction ends: see to it that it does."""
        if self._path is None:
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {int(FROZEN * 1000)}")

    def tidied_up(self, attachment: Attachment) -> bool:
        """Leave a SQLite file as it was found; False if others have it open, so that it stays in WAL mode."""
        if self._path is None:
            return True
        try:
            with closing(sqlite3.connect(self._path)) as connection:
                connection.execute(f"PRAGMA journal_mode = {attachment.journal_mode}")
        except sqlite3.OperationalError:
            return False
        self._path.with_name(self._path.name + ".relay").unlink(missing_ok=True)
        return True


_HAS_SCHEMA: Final = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")


class _SomebodyWrites(Exception):
    """Their table was not free."""


def _journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
