"""Attaching to a table that somebody else writes, and leaving no trace."""

import json
import subprocess
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests import ics_table
from tests.processes import Processes
from tests.raw_sql import connected, execute

from exposure_bus.settings import TableSettings
from exposure_publisher.attach import Outcome, attach, detach, mapping_of, script
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.ledger import open_ledger
from exposure_publisher.ledger.rows import exposure_of
from exposure_schemas import summary_of

DESI = mapping_of(TableSettings(), "desi")
BARE = Mapping(columns={"expid": "id", "night": "night", "data_written": "saved"})


@pytest.fixture
def table(exposure_db_url: str) -> str:
    """The ICS's own table, with a few rows, on either database."""
    name = ics_table.make(exposure_db_url)
    ics_table.fill(exposure_db_url, name, 10)
    return name


@pytest.fixture
def postgresql_table(postgresql_url: str) -> str:
    """The same on PostgreSQL."""
    return ics_table.make(postgresql_url)


def refill(url: str, most: int = 3) -> None:
    with closing(open_ledger(url)) as ledger:
        while ledger.state().refilling:
            ledger.refill(most)


def numbered(url: str) -> dict[int, int]:
    """Number of each exposure."""
    with closing(open_ledger(url)) as ledger:
        return {expid: sequence for sequence, expid, *_ in ledger.read(1, 2**62, 10**6)}


def changed(url: str) -> set[int]:
    """Whose change waits for a number."""
    with closing(open_ledger(url)) as ledger:
        return {each.expid for each in ledger.unnumbered(10**6)}


def number_all(url: str) -> None:
    with closing(open_ledger(url)) as ledger:
        changes = ledger.unnumbered(10**6)
        ledger.number(changes, [None] * len(changes), 0)


def told(url: str) -> list[dict[str, object]]:
    """The summaries of all numbered exposures, as they are sent."""
    with closing(open_ledger(url)) as ledger:
        rows = sorted(ledger.read(1, 2**62, 10**6), key=lambda row: row[1])
        return [summary_of(exposure_of(row, sequence, files)) for sequence, _, row, files in rows if row]


def test_rows_that_were_there_are_numbered_in_order_and_told_as_the_profile_says(
    exposure_db_url: str, table: str
) -> None:
    assert attach(exposure_db_url, table, DESI) is Outcome.ATTACHED
    refill(exposure_db_url)
    assert numbered(exposure_db_url) == {expid: expid for expid in range(1, 11)}
    assert told(exposure_db_url) == ics_table.seen_by_qlf(exposure_db_url, table)
    assert told(exposure_db_url)[1]["seeing"] is None
    assert told(exposure_db_url)[1]["airmass"] == 1.1


def test_attaching_again_changes_nothing_and_another_mapping_tells_everything_anew(
    exposure_db_url: str, table: str
) -> None:
    attach(exposure_db_url, table, DESI)
    refill(exposure_db_url)
    assert attach(exposure_db_url, table, DESI) is Outcome.NOTHING
    assert attach(exposure_db_url, table, BARE) is Outcome.CHANGED
    refill(exposure_db_url)
    assert numbered(exposure_db_url) == {expid: expid + 10 for expid in range(1, 11)}
    assert {summary["airmass"] for summary in told(exposure_db_url)} == {None}
    execute(
        exposure_db_url, f"UPDATE {table} SET airmass = 2 WHERE id = 3", f"UPDATE {table} SET night = 1 WHERE id = 4"
    )
    assert changed(exposure_db_url) == {4}, "airmass is mapped no more"


def test_what_captures_a_change_does_not_count_columns_that_are_not_mapped(exposure_db_url: str, table: str) -> None:
    attach(exposure_db_url, table, DESI)
    execute(
        exposure_db_url,
        f"UPDATE {table} SET object = 'star', st = 1 WHERE id = 1",
        f"UPDATE {table} SET seeing = 1.2 WHERE id IN (2, 3)",
        f"UPDATE {table} SET program = 'Dark' WHERE id = 4",
        f"UPDATE {table} SET discard = true WHERE id = 5",
        f"UPDATE {table} SET id = 70 WHERE id = 7",
        f"DELETE FROM {table} WHERE id = 8",
        f"INSERT INTO {table} (id, night) VALUES (11, 20230913)",
    )
    assert changed(exposure_db_url) == {2, 3, 4, 5, 7, 70, 8, 11}


def test_a_text_that_differs_in_case_alone_is_another_one(exposure_db_url: str, table: str) -> None:
    if exposure_db_url.startswith("sqlite"):
        execute(exposure_db_url, f"ALTER TABLE {table} ADD COLUMN kind TEXT COLLATE NOCASE")
    else:
        execute(
            exposure_db_url,
            "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
            f"ALTER TABLE {table} ADD COLUMN kind text COLLATE anycase",
        )
    execute(exposure_db_url, f"UPDATE {table} SET kind = 'dark'")
    attach(exposure_db_url, table, Mapping(columns={**BARE.columns, "exptype": "kind"}))
    execute(exposure_db_url, f"UPDATE {table} SET kind = 'Dark' WHERE id = 1")
    assert changed(exposure_db_url) == {1}


def test_discarded_and_deleted_exposures_are_retracted_and_come_back(exposure_db_url: str, table: str) -> None:
    attach(exposure_db_url, table, DESI)
    refill(exposure_db_url)
    execute(exposure_db_url, f"UPDATE {table} SET discard = true WHERE id = 5", f"DELETE FROM {table} WHERE id = 6")
    number_all(exposure_db_url)
    assert [summary["expid"] for summary in told(exposure_db_url)] == [1, 2, 3, 4, 7, 8, 9, 10]
    execute(exposure_db_url, f"UPDATE {table} SET discard = false WHERE id = 5")
    number_all(exposure_db_url)
    assert told(exposure_db_url) == ics_table.seen_by_qlf(exposure_db_url, table)


def test_a_row_that_does_not_say_when_it_changed_has_the_time_of_its_number(exposure_db_url: str, table: str) -> None:
    attach(exposure_db_url, table, DESI)
    refill(exposure_db_url)
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    execute(exposure_db_url, f"UPDATE {table} SET airmass = 2 WHERE id IN (1, 2)")
    with closing(open_ledger(exposure_db_url)) as ledger:
        changes = ledger.unnumbered(10)
        ledger.number(changes, [None, None], 0, moment)
        rows = {expid: row for _, expid, row, _ in ledger.read(11, 12, 10)}
        exposures = {expid: exposure_of(row, 1, None) for expid, row in rows.items() if row}
    assert exposures[1].data_written_at == moment
    assert str(exposures[2].data_written_at) == "2023-09-14 03:04:05+00:00"


def test_detaching_leaves_no_trace_in_their_schema(postgresql_url: str, postgresql_table: str) -> None:
    ics_table.fill(postgresql_url, postgresql_table, 10)
    before = ics_table.dump(postgresql_url)
    assert "CREATE TABLE exposure.exposure" in before
    attach(postgresql_url, postgresql_table, DESI)
    assert "exposure_bus_inserted" in ics_table.dump(postgresql_url)
    assert detach(postgresql_url) is Outcome.DETACHED
    assert ics_table.dump(postgresql_url) == before
    assert execute(postgresql_url, "SELECT nspname FROM pg_namespace WHERE nspname = 'exposure_bus'") == []
    assert detach(postgresql_url) is Outcome.NOTHING


def test_detaching_leaves_no_trace_in_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ics.sqlite"
    table = ics_table.make(url)
    # SQLite keeps a list of its own, from which nothing of ours can be told.
    names = "SELECT type, name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence' ORDER BY name"
    look = (names, "PRAGMA journal_mode")
    before = [execute(url, each) for each in look]
    attach(url, table, DESI)
    refill(url)
    assert [execute(url, each) for each in look] != before
    assert detach(url) is Outcome.DETACHED
    assert [execute(url, each) for each in look] == before
    assert execute(url, "SELECT * FROM sqlite_sequence") == []
    assert [path.name for path in tmp_path.iterdir()] == ["ics.sqlite"]
    assert detach(url) is Outcome.NOTHING


def test_a_dry_run_changes_nothing_and_prints_what_would_be_done(postgresql_url: str, postgresql_table: str) -> None:
    before = ics_table.dump(postgresql_url)
    text = script(postgresql_url, postgresql_table, DESI)
    assert ics_table.dump(postgresql_url) == before
    assert execute(postgresql_url, "SELECT nspname FROM pg_namespace WHERE nspname = 'exposure_bus'") == []
    subprocess.run(["psql", "--quiet", "-v", "ON_ERROR_STOP=1", postgresql_url], input=text, text=True, check=True)
    by_hand = ics_table.dump(postgresql_url)
    execute(postgresql_url, "DROP SCHEMA exposure_bus CASCADE")
    attach(postgresql_url, postgresql_table, DESI)
    assert ics_table.dump(postgresql_url) == by_hand


def test_their_writes_go_on_when_a_column_was_renamed_and_nothing_is_lost(
    postgresql_url: str, postgresql_table: str, processes: Processes
) -> None:
    ics_table.fill(postgresql_url, postgresql_table, 10)
    attach(postgresql_url, postgresql_table, DESI)
    refill(postgresql_url)
    execute(postgresql_url, f"ALTER TABLE {postgresql_table} RENAME seeing TO fwhm")
    execute(postgresql_url, f"UPDATE {postgresql_table} SET fwhm = 1.5 WHERE id < 4")
    assert changed(postgresql_url) == {1, 2, 3}
    number_all(postgresql_url)
    assert told(postgresql_url)[0]["seeing"] == 1.5, "the view follows the name"
    found = processes.run("doctor", "--format", "json", exposure_db_url=postgresql_url)
    findings = {row["check"]: row for row in map(json.loads, found.stdout.splitlines())}
    assert findings["mapping"]["finding"].startswith("renamed or dropped: seeing")
    execute(postgresql_url, f"ALTER TABLE {postgresql_table} RENAME id TO number")
    execute(postgresql_url, f"UPDATE {postgresql_table} SET fwhm = 1.6 WHERE number = 9")
    refill(postgresql_url)
    number_all(postgresql_url)
    assert told(postgresql_url)[8]["seeing"] == 1.6, "everything counts as changed"


def test_their_writes_go_on_when_our_tables_were_broken(postgresql_url: str, postgresql_table: str) -> None:
    attach(postgresql_url, postgresql_table, DESI)
    execute(postgresql_url, "ALTER TABLE exposure_bus.exposure_change RENAME TO elsewhere")
    ics_table.fill(postgresql_url, postgresql_table, 3)
    assert execute(postgresql_url, f"SELECT count(*) FROM {postgresql_table}") == [(3,)]


def test_a_writer_without_any_right_of_ours_writes_and_is_seen(postgresql_url: str, postgresql_table: str) -> None:
    attach(postgresql_url, postgresql_table, DESI)
    role = "ics_" + postgresql_url.rpartition("/")[2]
    execute(
        postgresql_url,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT USAGE ON SCHEMA exposure TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {postgresql_table} TO {role}",
    )
    ics_table.fill(postgresql_url.replace("postgres@", f"{role}@"), postgresql_table, 3)
    assert changed(postgresql_url) == {1, 2, 3}
    execute(postgresql_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_writer_cannot_have_a_function_of_its_own_run_with_our_rights(
    postgresql_url: str, postgresql_table: str
) -> None:
    ics_table.fill(postgresql_url, postgresql_table, 3)
    attach(postgresql_url, postgresql_table, DESI)
    refill(postgresql_url)
    execute(
        postgresql_url,
        "CREATE SCHEMA mine",
        "CREATE TABLE mine.ran (name text)",
        """CREATE FUNCTION mine.same(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO mine.ran VALUES ('='); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$""",
        "CREATE OPERATOR mine.= (FUNCTION = mine.same, LEFTARG = bigint, RIGHTARG = bigint, MERGES, HASHES)",
        """CREATE FUNCTION mine.seeing(anyelement) RETURNS float8 LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO mine.ran VALUES ('seeing'); RETURN 1; END $$""",
        "SET search_path = mine, pg_catalog",
        f"UPDATE {postgresql_table} SET airmass = 2 WHERE id = 1",
        f"ALTER TABLE {postgresql_table} RENAME seeing TO fwhm",  # n.seeing may be seeing(n) then
        f"UPDATE {postgresql_table} SET airmass = 2 WHERE id = 2",
    )
    assert changed(postgresql_url) == {1, 2}
    assert execute(postgresql_url, "SELECT name FROM mine.ran") == []


def test_truncating_their_table_retracts_everything(postgresql_url: str, postgresql_table: str) -> None:
    ics_table.fill(postgresql_url, postgresql_table, 10)
    attach(postgresql_url, postgresql_table, DESI)
    refill(postgresql_url)
    execute(postgresql_url, f"TRUNCATE {postgresql_table}")
    refill(postgresql_url)
    number_all(postgresql_url)
    assert told(postgresql_url) == []
    assert set(numbered(postgresql_url).values()) == set(range(11, 21))


def test_attaching_waits_for_who_writes_and_lets_others_write_meanwhile(
    postgresql_url: str, postgresql_table: str
) -> None:
    tries = threading.Semaphore(0)
    with connected(postgresql_url) as late, late.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO {postgresql_table} (id, night) VALUES (1, 20230913)")
        attaching = threading.Thread(target=attach, args=(postgresql_url, postgresql_table, DESI, tries.release))
        attaching.start()
        assert tries.acquire(timeout=30)
        ics_table.fill(postgresql_url, postgresql_table, 3, first=2)  # between two tries
        assert attaching.is_alive()
        cursor.execute("COMMIT")
    attaching.join()
    refill(postgresql_url)
    assert sorted(numbered(postgresql_url)) == [1, 2, 3, 4]


def test_an_interrupted_numbering_goes_on_where_it_was(exposure_db_url: str, table: str) -> None:
    attach(exposure_db_url, table, DESI)
    with closing(open_ledger(exposure_db_url)) as ledger:
        ledger.refill(4)
        assert ledger.state().newest == 4
    execute(exposure_db_url, f"UPDATE {table} SET airmass = 2 WHERE id = 9")
    number_all(exposure_db_url)
    refill(exposure_db_url)
    assert numbered(exposure_db_url) == {1: 1, 2: 2, 3: 3, 4: 4, 9: 5, 5: 6, 6: 7, 7: 8, 8: 9, 10: 10}


def test_a_mapping_of_the_settings_file_is_used(processes: Processes, postgresql_url: str, tmp_path: Path) -> None:
    execute(
        postgresql_url,
        "CREATE SCHEMA ops",
        """CREATE TABLE ops.observations (number int PRIMARY KEY, started timestamp, kind text, state text,
            completed timestamp, quality numeric(6, 2), is_test bool NOT NULL DEFAULT false)""",
        """INSERT INTO ops.observations VALUES
            (7, '2023-09-14 03:00:00', 'DARK', 'complete', '2023-09-14 03:10:00', 1.25, false),
            (8, '2023-09-14 04:00:00', 'unknown', 'taking', NULL, 'NaN', false),
            (9, '2023-09-14 05:00:00', '', 'complete', 'infinity', NULL, false),
            (10, NULL, '', 'taking', NULL, NULL, true)""",
    )
    page = Path(__file__).parents[2] / "docs" / "attach.md"
    example = page.read_text().partition("```toml\n")[2].partition("```")[0]
    file = tmp_path / "site.toml"
    file.write_text(example.replace("[attach.none]", 'date = "started"\ns2n = "quality"\n\n[attach.none]'))
    done = processes.run("attach", "--config", str(file), exposure_db_url=postgresql_url)
    assert (done.returncode, done.stderr) == (0, ""), done
    one, two, three = told(postgresql_url)
    assert (one["expid"], one["exptype"], one["night"], one["s2n"], one["data_written"]) == (
        7,
        "dark",
        20230913,
        1.25,
        True,
    )
    assert str(one["date"]) == "2023-09-14 03:00:00+00:00"
    assert (two["exptype"], two["s2n"], two["data_written"]) == (None, None, False)
    assert (three["exptype"], three["data_written"]) == (None, True), "a moment that cannot be keeps nothing back"
