"""What the ICS side contributes to ``exposure-bus doctor``: the exposureDB, its ledger, and whether a relay leads.

Everything is read on a connection that cannot write, and no file is made.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa

from exposure_bus.counting import counted
from exposure_bus.database import sqlite_path
from exposure_bus.database.read_only import read_only_uri
from exposure_bus.doctor import Finding, Host, failed, not_here, ok, warning
from exposure_bus.errors import BusError, DatabaseError
from exposure_bus.settings import redacted
from exposure_publisher.errors import AnotherRelay
from exposure_publisher.exposuredb import capture_postgresql, capture_sqlite
from exposure_publisher.exposuredb.engine import open_engine, translated
from exposure_publisher.relay.leadership import lead
from exposure_publisher.waiting_files import WRITTEN, check_waiting_files

_DATABASE: Final = "exposureDB"
_PUBLISH: Final = "start `exposure-bus publish`"
_TRIGGER: Final = re.compile(r"CREATE TRIGGER (?:IF NOT EXISTS )?(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    exposures: int
    newest: int
    confirmed: int
    unnumbered: int
    working_triggers: frozenset[str]
    written: tuple[Mapping[str, Any], ...]


def check_exposure_db(host: Host) -> Iterator[Finding]:
    """Look at the exposureDB of this host, if it has one."""
    url = host.settings.exposure_db_url
    path = sqlite_path(url)
    if path is not None and not path.exists():
        yield _absent(path, expected=host.chose("exposure_db_url"))
        return
    try:
        facts = _read(url, path)
    except DatabaseError as error:
        yield failed(_DATABASE, str(error), "does it run, and is exposure_db_url right?")
        return
    if facts is None:
        yield warning(_DATABASE, f"{redacted(url)} has no ledger yet", f"{_PUBLISH}: it makes what is missing")
        return
    relay = _relay(url, path)
    yield ok(_DATABASE, f"{redacted(url)}, {counted(facts.exposures, 'exposure')}")
    yield _triggers(facts.working_triggers, capture_sqlite if path else capture_postgresql)
    yield _numbering(facts.unnumbered, relayed=relay.outcome == "ok")
    yield check_waiting_files(facts.written)
    yield _confirms(facts)
    yield relay


def _absent(path: Path, *, expected: bool) -> Finding:
    text = f"there is no {path}"
    if expected:
        return warning(_DATABASE, text, f"mend exposure_db_url, or {_PUBLISH}, which makes it")
    return not_here(_DATABASE, text)


def _read(url: str, path: Path | None) -> _Facts | None:
    """Read all that is to be known; None if there is no ledger."""
    engine = _open(path) if path else open_engine(url)
    try:
        with translated(url), engine.connect().execution_options(postgresql_readonly=True) as connection:
            if not sa.inspect(connection).has_table("exposure_ledger_state"):
                return None
            row = connection.exec_driver_sql(_FACTS).one()
            triggers = connection.exec_driver_sql(_SQLITE_TRIGGERS if path else _POSTGRESQL_TRIGGERS).scalars()
            written = tuple(dict(row) for row in connection.exec_driver_sql(WRITTEN).mappings())
            return _Facts(**row._mapping, working_triggers=frozenset(triggers), written=written)  # noqa: SLF001 (SQLAlchemy's public name)
    finally:
        engine.dispose()


def _open(path: Path) -> sa.Engine:
    """Return an engine that reads a file and leaves no trace beside it."""
    return sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(read_only_uri(path), uri=True), poolclass=sa.NullPool
    )


_FACTS: Final = """SELECT (SELECT count(*) FROM exposure) AS exposures, newest, confirmed,
    (SELECT count(DISTINCT expid) FROM exposure_change) AS unnumbered FROM exposure_ledger_state"""

_SQLITE_TRIGGERS: Final = "SELECT name FROM sqlite_master WHERE type = 'trigger'"

# One that is enabled otherwise sleeps while a dump is restored or rows are replicated.
_POSTGRESQL_TRIGGERS: Final = (
    "SELECT tgname FROM pg_trigger WHERE tgrelid = CAST('exposure' AS regclass) AND tgenabled = 'A'"
)


def _triggers(working: frozenset[str], capture: ModuleType) -> Finding:
    wanted = _TRIGGER.findall("\n".join(capture.STATEMENTS))
    missing = [name for name in wanted if name not in working]
    if missing:
        return failed(
            "triggers",
            f"missing or disabled: {', '.join(missing)}; changes may go unannounced",
            f"create and enable them: their statements are in {capture.__name__}",
        )
    return ok("triggers", f"{', '.join(wanted)} write each change down")


def _numbering(unnumbered: int, *, relayed: bool) -> Finding:
    if unnumbered and not relayed:
        return warning("changes", f"{counted(unnumbered, 'exposure')} changed and not yet numbered", _PUBLISH)
    return ok("changes", f"{counted(unnumbered, 'exposure')} to be numbered")


def _confirms(facts: _Facts) -> Finding:
    waiting = facts.newest - facts.confirmed
    if waiting:
        text = f"newest number {facts.newest}, confirmed by the broker up to {facts.confirmed}"
        return warning("ledger", text, "if this stays so, read the log of `exposure-bus publish`")
    return ok("ledger", f"newest number {facts.newest}, all confirmed by the broker")


def _relay(url: str, path: Path | None) -> Finding:
    """Try to lead: nobody does if that is granted, and it is given back at once."""
    nobody = warning("relay", "nobody relays this exposureDB", _PUBLISH)
    if path is not None and not path.with_name(path.name + ".relay").exists():
        return nobody  # no relay has ever run; trying would make the file
    try:
        lead(url).close()
    except AnotherRelay:
        return ok("relay", "a relay leads")
    except (BusError, OSError) as error:
        return warning("relay", f"cannot tell whether one leads: {error}", "run this as the relay's user")
    return nobody
