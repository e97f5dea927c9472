"""Attaching to tables, columns, values and mappings that are odd, and to what was damaged since."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests import ics_table
from tests.integration.test_attach import BARE, DESI, changed, number_all, numbered, refill, told
from tests.raw_sql import connected, execute

from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher.attach import Outcome, attach, attaching, detach
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.ledger import open_ledger


def whole(url: str) -> bool:
    """Whether no exposure has still to be numbered by a refill."""
    with closing(open_ledger(url)) as ledger:
        return not ledger.state().refilling


@pytest.mark.parametrize("key", ["found", "new", "tg_op", '"new_rows"', '"n"', '"o"', '"Select ""ID"" ü"', "EXPID"])
def test_a_key_may_have_any_name(postgresql_url: str, key: str) -> None:
    execute(postgresql_url, f'CREATE TABLE "Odd t" ({key} int PRIMARY KEY, night int, saved bool, "n o" text)')
    columns = {"expid": key, "night": "night", "data_written": "saved", "program": '"n o"'}
    attach(postgresql_url, 'public."Odd t"', Mapping(columns=columns))
    refill(postgresql_url)
    execute(
        postgresql_url,
        'INSERT INTO "Odd t" VALUES (1, 20230913, true, NULL), (2, 20230913, true, NULL), (3, 20230913, true, NULL)',
    )
    assert changed(postgresql_url) == {1, 2, 3}
    number_all(postgresql_url)
    execute(
        postgresql_url,
        f"""UPDATE "Odd t" SET "n o" = 'dark' WHERE {key} < 3""",
        f'DELETE FROM "Odd t" WHERE {key} = 2',
    )
    assert changed(postgresql_url) == {1, 2}
    assert whole(postgresql_url), "nothing fell back on everything"


def test_a_row_without_an_expid_is_no_exposure_and_counts_for_nothing(exposure_db_url: str) -> None:
    execute(exposure_db_url, "CREATE TABLE t (row_id integer PRIMARY KEY, id int UNIQUE, night int, saved bool)")
    attach(exposure_db_url, "t", BARE)
    refill(exposure_db_url)
    execute(
        exposure_db_url,
        "INSERT INTO t VALUES (1, NULL, 20230913, false), (2, NULL, 20230913, false)",
        "UPDATE t SET night = 20230914",
        "DELETE FROM t WHERE row_id = 2",
    )
    assert (changed(exposure_db_url), whole(exposure_db_url)) == (set(), True)
    execute(exposure_db_url, "UPDATE t SET id = 7")
    assert changed(exposure_db_url) == {7}
    execute(exposure_db_url, "UPDATE t SET id = NULL")
    assert (changed(exposure_db_url), whole(exposure_db_url)) == ({7}, True)


def test_in_a_file_a_text_for_an_expid_stops_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ics.sqlite"
    execute(url, "CREATE TABLE t (id INT PRIMARY KEY, night int, saved bool)", "INSERT INTO t VALUES ('x', 1, false)")
    attach(url, "t", BARE)
    refill(url)
    execute(url, "INSERT INTO t VALUES ('y', 1, false), (1.5, 1, false), (5, 20230913, false)")
    number_all(url)
    assert [summary["expid"] for summary in told(url)] == [5]


def test_in_a_file_a_generated_column_and_an_odd_name_are_watched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ics.sqlite"
    execute(
        url,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, night int, saved bool, raw real, fwhm real AS (raw * 2), [a b] text)",
        "INSERT INTO t (id, night) VALUES (1, 20230913), (2, 20230913)",
    )
    attach(url, "t", Mapping(columns={**BARE.columns, "seeing": "fwhm", "program": "[a b]"}))
    refill(url)
    execute(url, "UPDATE t SET raw = 1 WHERE id = 1", "UPDATE t SET [a b] = 'dark' WHERE id = 2")
    assert changed(url) == {1, 2}
    number_all(url)
    assert [(each["seeing"], each["program"]) for each in told(url)] == [(2.0, None), (None, "dark")]


def test_a_mapping_over_a_whole_row_or_over_no_column_is_watched(postgresql_url: str) -> None:
    execute(postgresql_url, "CREATE TABLE t (id int PRIMARY KEY, fwhm float8)", "INSERT INTO t VALUES (1, 1), (2, 1)")
    constant = {"expid": "id", "night": "20230913", "data_written": "false"}
    attach(postgresql_url, "t", Mapping(columns=constant))
    execute(postgresql_url, "UPDATE t SET fwhm = 2 WHERE id = 1")
    assert (changed(postgresql_url), told(postgresql_url)) == (set(), [])
    row = {"seeing": "(to_jsonb(t) ->> 'fwhm')::float8"}
    attach(postgresql_url, "t", Mapping(columns=constant | row))
    execute(postgresql_url, "UPDATE t SET fwhm = 2 WHERE id = 2")
    assert changed(postgresql_url) == {2}


def test_a_value_of_a_type_without_equality_is_watched(postgresql_url: str) -> None:
    execute(
        postgresql_url,
        "CREATE TABLE t (id int PRIMARY KEY, night int, saved bool, kind json, place point, long text)",
        "INSERT INTO t SELECT n, 1, false, '{}', '(1, 2)', repeat(md5('x'), 10000) FROM generate_series(1, 5) AS n",
    )
    odd = {"program": "kind ->> 'program'", "skyra": "place[0]", "data_location": "left(long, 10)"}
    attach(postgresql_url, "t", Mapping(columns={**BARE.columns, **odd}))
    refill(postgresql_url)
    execute(
        postgresql_url,
        "UPDATE t SET kind = kind, place = place, long = long || ''",
        """UPDATE t SET kind = '{"program": "dark"}' WHERE id = 1""",
        "UPDATE t SET place = '(1, 3)' WHERE id = 2",
        "UPDATE t SET long = long || 'y' WHERE id = 3",
        "UPDATE t SET kind = NULL WHERE id = 4",
    )
    assert changed(postgresql_url) == {1, 2, 3, 4}
    assert whole(postgresql_url), "nothing fell back on everything"


def test_whole_numbers_of_any_kind_are_told(exposure_db_url: str) -> None:
    kind = "REAL" if exposure_db_url.startswith("sqlite") else "numeric"
    execute(
        exposure_db_url,
        f"CREATE TABLE t (id integer PRIMARY KEY, night {kind}, tileid {kind}, saved bool)",
        "INSERT INTO t VALUES (1, 20230913, 80609, false)",
    )
    attach(exposure_db_url, "t", Mapping(columns={**BARE.columns, "tile_id": "tileid"}))
    refill(exposure_db_url)
    assert [(each["night"], each["tile_id"]) for each in told(exposure_db_url)] == [(20230913, 80609)]


def test_a_text_that_no_message_can_carry_keeps_nothing_back(exposure_db_url: str) -> None:
    table = ics_table.make(exposure_db_url)
    attach(exposure_db_url, table, DESI)
    for number, text in ((1, "x" * 10_000_000), (2, "x" * 100_000)):
        execute(exposure_db_url, f"INSERT INTO {table} (id, night, program) VALUES ({number}, 20230913, '{text}')")
    number_all(exposure_db_url)
    assert [each["program"] for each in told(exposure_db_url)] == [None, "x" * 100_000]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"night": "'20230913'::text"}, "night must be a whole number; cast it"),
        ({"data_written": "1"}, "data_written must be a boolean; cast it"),
        ({"seeing": "program"}, "operator does not exist|invalid input syntax"),
    ],
)
def test_a_mapping_of_a_wrong_type_is_refused_before_anything_is_made(
    postgresql_url: str, columns: dict[str, str], said: str
) -> None:
    table = ics_table.make(postgresql_url)
    mapping = Mapping(columns={**DESI.columns, **columns}, none=DESI.none)
    with pytest.raises(DatabaseRefused, match=f"the mapping does not fit {table}: ({said})"):
        attach(postgresql_url, table, mapping)


def test_a_change_of_what_stands_for_none_reaches_who_has_the_database_open(exposure_db_url: str) -> None:
    table = ics_table.make(exposure_db_url)
    execute(exposure_db_url, f"INSERT INTO {table} (id, night, seeing) VALUES (1, 20230913, -5)")
    attach(exposure_db_url, table, DESI)
    with closing(open_ledger(exposure_db_url)) as ledger:
        ledger.refill(10)
        ((_, _, row, _),) = ledger.read(1, 9, 9)
        assert row is not None
        assert row["seeing"] == -5
        mapping = Mapping(columns=DESI.columns, none={**DESI.none, "seeing": (-5,)}, where=DESI.where)
        assert attach(exposure_db_url, table, mapping) is Outcome.CHANGED
        ((_, _, row, _),) = ledger.read(1, 9, 9)
        assert row is not None
        assert row["seeing"] is None


def test_what_was_numbered_by_the_old_mapping_after_a_change_is_numbered_again(exposure_db_url: str) -> None:
    table = ics_table.make(exposure_db_url)
    ics_table.fill(exposure_db_url, table, 2)
    attach(exposure_db_url, table, DESI)
    refill(exposure_db_url)
    execute(exposure_db_url, f"UPDATE {table} SET airmass = 2 WHERE id = 1")
    with closing(open_ledger(exposure_db_url)) as ledger:
        read_before = ledger.unnumbered(10)
        attach(exposure_db_url, table, BARE)
        ledger.number(read_before, [None], 0)
    refill(exposure_db_url)
    assert numbered(exposure_db_url) == {1: 4, 2: 5}


def test_attaching_again_mends_what_has_gone_with_a_table_that_was_made_anew(exposure_db_url: str) -> None:
    table = ics_table.make(exposure_db_url)
    ics_table.fill(exposure_db_url, table, 3)
    attach(exposure_db_url, table, DESI)
    refill(exposure_db_url)
    if exposure_db_url.startswith("sqlite"):
        execute(exposure_db_url, f"DROP TABLE {table}")
    else:
        execute(exposure_db_url, "DROP SCHEMA exposure CASCADE")
    ics_table.make(exposure_db_url)
    ics_table.fill(exposure_db_url, table, 2)
    assert attach(exposure_db_url, table, DESI) is Outcome.CHANGED
    refill(exposure_db_url)
    assert numbered(exposure_db_url) == {1: 4, 2: 5, 3: 6}
    execute(exposure_db_url, f"DELETE FROM {table} WHERE id = 1")
    assert changed(exposure_db_url) == {1}
    assert attach(exposure_db_url, table, DESI) is Outcome.NOTHING


def test_attaching_again_enables_triggers_that_a_restore_has_put_to_sleep(postgresql_url: str) -> None:
    table = ics_table.make(postgresql_url)
    attach(postgresql_url, table, DESI)
    execute(postgresql_url, f"ALTER TABLE {table} DISABLE TRIGGER ALL", f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    assert attach(postgresql_url, table, DESI) is Outcome.CHANGED
    execute(postgresql_url, "SET session_replication_role = replica", f"INSERT INTO {table} (id, night) VALUES (1, 1)")
    assert changed(postgresql_url) == {1}


def test_a_schema_that_the_administrator_has_made_is_enough(postgresql_url: str) -> None:
    owner = "owner_" + postgresql_url.rpartition("/")[2]
    execute(
        postgresql_url,
        f"CREATE ROLE {owner} LOGIN",
        f"CREATE SCHEMA exposure_bus AUTHORIZATION {owner}",
        f"CREATE SCHEMA mine AUTHORIZATION {owner}",
    )
    url = postgresql_url.replace("postgres@", f"{owner}@")
    execute(url, "CREATE TABLE mine.t (id int PRIMARY KEY, night int, saved bool)")
    assert attach(url, "mine.t", BARE) is Outcome.ATTACHED
    execute(postgresql_url, f"DROP OWNED BY {owner}", f"DROP ROLE {owner}")


def test_two_who_attach_at_once_wait_for_each_other(postgresql_url: str) -> None:
    table = ics_table.make(postgresql_url)
    with connected(postgresql_url) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(x'45585042'::int)")
        assert attach(postgresql_url, table, DESI, lambda: cursor.execute("COMMIT")) is Outcome.ATTACHED


@pytest.mark.parametrize("deed", ["attach", "detach"])
def test_who_is_frozen_with_their_table_in_hand_loses_it(
    postgresql_url: str, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ics_table.make(postgresql_url)
    if deed == "detach":
        attach(postgresql_url, table, DESI)
    monkeypatch.setattr(attaching, "FROZEN", 0.1)
    run = attaching._run

    def freeze(connection: Connection, statements: Iterable[str]) -> None:
        statements = tuple(statements)
        run(connection, statements)
        if any("TRIGGER" in each for each in statements):
            ics_table.fill(postgresql_url, table, 3)  # waits until the server has ended us

    monkeypatch.setattr(attaching, "_run", freeze)
    with pytest.raises(DatabaseUnreachable):
        attach(postgresql_url, table, DESI) if deed == "attach" else detach(postgresql_url)
    assert execute(postgresql_url, f"SELECT count(*) FROM {table}") == [(3,)]
