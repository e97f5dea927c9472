"""The ledger's tables have a version, and are brought to this software's while everybody goes on."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from tests import ics_table
from tests.raw_sql import execute

import exposure_publisher
from exposure_bus.errors import DatabaseRefused
from exposure_bus.settings import TableSettings
from exposure_publisher import ExposureDB
from exposure_publisher.attach import attach, mapping_of
from exposure_publisher.exposuredb import creation, schema_version
from exposure_publisher.ledger import open_ledger

NEXT = '''"""A column more."""
from alembic import op

revision = "next"
down_revision = "%s"


def upgrade() -> None:
    op.execute("ALTER TABLE exposure_ledger ADD COLUMN remark TEXT")
'''


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The software as it may be in its next version."""
    scripts = tmp_path / "migrations"
    shutil.copytree(Path(exposure_publisher.__file__).parent / "migrations", scripts)
    (scripts / "versions" / "next.py").write_text(NEXT % schema_version.HEAD)
    monkeypatch.setattr(schema_version, "SCRIPTS", str(scripts))
    monkeypatch.setattr(creation, "HEAD", "next")


def remarks(url: str) -> list[tuple[object, ...]]:
    return execute(url, "SELECT expid, remark FROM exposure_ledger")


def make(url: str) -> str:
    """Make an exposureDB with an exposure that is numbered."""
    with ExposureDB(url) as db:
        db.record(expid=1, night=20230913)
    with closing(open_ledger(url)) as ledger:
        ledger.number(ledger.unnumbered(1), [None], 0)
        return ledger.state().epoch


def test_an_older_ledger_is_changed_as_it_is_opened_and_goes_on(
    exposure_db_url: str, request: pytest.FixtureRequest
) -> None:
    epoch = make(exposure_db_url)
    request.getfixturevalue("next_version")
    for _ in range(2):
        with closing(open_ledger(exposure_db_url)) as ledger:
            assert (ledger.state().epoch, ledger.state().newest) == (epoch, 1)
    assert remarks(exposure_db_url) == [(1, None)]


def test_a_ledger_of_a_newer_software_is_refused(exposure_db_url: str) -> None:
    make(exposure_db_url)
    execute(exposure_db_url, f"UPDATE {schema_version.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(DatabaseRefused, match="made by a newer exposure-bus"):
        open_ledger(exposure_db_url)


def test_a_relay_that_may_not_change_tables_says_who_may(postgresql_url: str, request: pytest.FixtureRequest) -> None:
    table = ics_table.make(postgresql_url)
    attach(postgresql_url, table, mapping_of(TableSettings(), "desi"))
    role = "relay_" + postgresql_url.rpartition("/")[2]
    rights = f"GRANT SELECT ON ALL TABLES IN SCHEMA exposure_bus TO {role}"
    execute(postgresql_url, f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA exposure_bus TO {role}", rights)
    request.getfixturevalue("next_version")
    with pytest.raises(DatabaseRefused, match="its owner changes them: run `exposure-bus attach`"):
        open_ledger(postgresql_url.replace("postgres@", f"{role}@"))
    execute(postgresql_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
