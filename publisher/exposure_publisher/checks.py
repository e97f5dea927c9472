"""What the ICS side contributes to ``exposure-bus doctor``: the exposureDB, its ledger, and whether a relay leads.

Everything is read on a connection that cannot write, and no file is made.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from exposure_bus.counting import counted
from exposure_bus.database import sqlite_path
from exposure_bus.database.read_only import read_only_uri
from exposure_bus.doctor import Finding, Host, failed, not_here, ok, warning
from exposure_bus.errors import BusError, DatabaseError
from exposure_bus.settings import redacted
from exposure_publisher.attach.attachment import Attachment, read_attachment
from exposure_publisher.attach.standing import missing_columns, triggers_on, wanted_triggers
from exposure_publisher.errors import AnotherRelay
from exposure_publisher.exposuredb import capture_postgresql, capture_sqlite
from exposure_publisher.exposuredb.creation import foreign_table
from exposure_publisher.exposuredb.engine import open_engine, show_attached, translated
from exposure_publisher.exposuredb.schema_version import version_of
from exposure_publisher.ledger.state import read_state
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
    refilling: bool
    attachment: Attachment | None
    missing_columns: tuple[str, ...]
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
    if not isinstance(facts, _Facts):
        yield _without_ledger(url, facts)
        return
    relay = _relay(url, path)
    yield ok(_DATABASE, f"{redacted(url)}, {counted(facts.exposures, 'exposure')}{_of(facts.attachment)}")
    yield _triggers(facts, postgresql=path is None)
    if facts.attachment is not None:
        yield _mapping(facts)
    yield _numbering(facts, relayed=relay.outcome == "ok")
    yield check_waiting_files(facts.written)
    yield _confirms(facts)
    yield relay


def _absent(path: Path, *, expected: bool) -> Finding:
    text = f"there is no {path}"
    if expected:
        return warning(_DATABASE, text, f"mend exposure_db_url, or {_PUBLISH}, which makes it")
    return not_here(_DATABASE, text)


def _without_ledger(url: str, theirs: str | None) -> Finding:
    advice = f"{_PUBLISH}: it makes what is missing"
    if theirs is not None:
        advice = f"`exposure-bus attach --table {theirs}`, if that is the ICS's own table"
    return warning(_DATABASE, f"{redacted(url)} has no ledger yet", advice)


def _read(url: str, path: Path | None) -> _Facts | str | None:
    """Read all that is to be known; if there is no ledger, the name of somebody else's table of exposures, or None."""
    engine = _open(path) if path else open_engine(url)
    try:
        with translated(url), engine.connect().execution_options(postgresql_readonly=True) as connection:
            return foreign_table(connection) if version_of(connection) is None else _facts(connection)
    finally:
        engine.dispose()


def _facts(connection: sa.Connection) -> _Facts:
    attachment = read_attachment(connection)
    return _Facts(
        **connection.exec_driver_sql(_FACTS).one()._mapping,  # noqa: SLF001 (SQLAlchemy's public name)
        refilling=read_state(connection).refilling,
        attachment=attachment,
        missing_columns=missing_columns(connection, attachment) if attachment else (),
        working_triggers=triggers_on(connection, attachment.relation if attachment else "exposure"),
        written=tuple(dict(row) for row in connection.exec_driver_sql(WRITTEN).mappings()),
    )


def _of(attachment: Attachment | None) -> str:
    return f" of {attachment.relation}" if attachment else ""


def _open(path: Path) -> sa.Engine:
    """Return an engine that reads a file and leaves no trace beside it."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(read_only_uri(path), uri=True)
        show_attached(connection)
        return connection

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


_FACTS: Final = """SELECT (SELECT count(*) FROM exposure) AS exposures, newest, confirmed,
    (SELECT count(DISTINCT expid) FROM exposure_change) AS unnumbered FROM exposure_ledger_state"""


def _triggers(facts: _Facts, *, postgresql: bool) -> Finding:
    capture = capture_postgresql if postgresql else capture_sqlite
    attached = facts.attachment is not None
    wanted = wanted_triggers(postgresql=postgresql) if attached else _TRIGGER.findall("\n".join(capture.STATEMENTS))
    missing = [name for name in wanted if name not in facts.working_triggers]
    if missing:
        return failed(
            "triggers",
            f"missing or disabled: {', '.join(missing)}; changes may go unannounced",
            _ATTACH_ANEW if attached else f"create and enable them: their statements are in {capture.__name__}",
        )
    return ok("triggers", f"{', '.join(wanted)} write each change down")


_ATTACH_ANEW: Final = "`exposure-bus detach`, mend the mapping where it is out of date, and `exposure-bus attach`"


def _mapping(facts: _Facts) -> Finding:
    if facts.missing_columns:
        text = f"renamed or dropped: {', '.join(facts.missing_columns)}; each row that is touched counts as changed"
        return failed("mapping", text, "mend the mapping, and run `exposure-bus attach` again")
    return ok("mapping", "all columns that it is over are there")


def _numbering(facts: _Facts, *, relayed: bool) -> Finding:
    unnumbered = facts.unnumbered
    if facts.refilling and not relayed:
        return warning("changes", "not every exposure that was there before has a number", _PUBLISH)
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
