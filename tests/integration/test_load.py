"""``exposure-bus load`` into real databases."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exposure_bus.command import main
from exposure_emulator import installed_nights
from exposure_publisher import ExposureDB
from exposure_publisher.tables import BadRows, ExposureTable, UnreadableTable, good_rows, load_tables
from private_servers import PostgreSQL

TABLE = "EXPID,NIGHT,OBSTYPE,saved\n1,20230913,zero,\n2,20230913,science,f\n3,20230914,science,t\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    with PostgreSQL(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'exposuredb.sqlite'}"
    cluster: PostgreSQL = request.getfixturevalue("cluster")
    return cluster.create_database(f"load_{tmp_path.name}")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def night() -> Path:
    nights = installed_nights()
    if 20230913 not in nights:
        pytest.fail("DESI's package is not installed: pip install --no-deps desispec==0.70.0")
    return nights[20230913]


Load = Callable[..., int]


@pytest.fixture
def load(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    monkeypatch.setenv("EXPOSURE_BUS_EXPOSURE_DB_URL", url)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as left:
            main(["load", *map(str, arguments)])
        assert isinstance(left.value.code, int)
        return left.value.code

    return run


def rows_in(url: str) -> list[dict[str, Any]]:
    with ExposureDB(url) as db:
        return list(db.exposures())


def test_a_real_night_arrives_to_the_last_value(
    load: Load, url: str, night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(night) == 0
    assert capsys.readouterr().out.startswith("94 exposures of night 20230913 loaded into ")
    expected = list(good_rows(ExposureTable(night)))
    arrived = rows_in(url)
    assert [{key: row[key] for key in expected[0]} for row in arrived] == expected
    assert {row["seeing"] for row in arrived} == {None}
    assert not any(row["data_written"] for row in arrived)


def test_loading_twice_is_loading_once(load: Load, url: str, night: Path) -> None:
    load("--data-root", "/data/desi", night)
    before = rows_in(url)
    assert load("--data-root", "/data/desi", night) == 0
    assert rows_in(url) == before


def test_columns_that_a_table_has_not_are_left_as_they_are(load: Load, url: str, night: Path) -> None:
    with ExposureDB(url) as db:
        db.record(expid=196045, night=20230913, seeing=1.25, airmass=9.0, data_written=True, data_location="/kept")
    load(night)
    (row,) = (row for row in rows_in(url) if row["expid"] == 196045)
    assert (row["seeing"], row["data_written"], row["data_location"]) == (1.25, True, "/kept")
    assert row["airmass"] == 1.223074


def test_a_data_root_marks_exposures_as_written_unless_the_table_says_otherwise(
    load: Load, url: str, table: Path
) -> None:
    assert load("--data-root", "/data/desi/", table) == 0
    assert [(row["data_written"], row["data_location"]) for row in rows_in(url)] == [
        (True, "/data/desi/20230913/00000001"),
        (False, None),
        (True, "/data/desi/20230914/00000003"),
    ]


def test_a_data_root_may_be_a_url_and_a_relative_one_is_made_absolute(
    load: Load, url: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("--data-root", "rsync://ics.example/raw", table)
    assert rows_in(url)[0]["data_location"] == "rsync://ics.example/raw/20230913/00000001"
    monkeypatch.chdir(tmp_path)
    load("--data-root", "raw", table)
    assert rows_in(url)[0]["data_location"] == f"{tmp_path}/raw/20230913/00000001"


def test_without_a_data_root_the_table_alone_says_what_is_written(load: Load, url: str, table: Path) -> None:
    load(table)
    assert [row["data_written"] for row in rows_in(url)] == [False, False, True]


def test_one_bad_row_keeps_all_files_out_and_every_bad_row_is_listed(
    load: Load, url: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("EXPID,NIGHT,airmass\n4,20230913,1\n5,20230913,low\n4,20230913,1\n")
    assert load("--format", "json", table, bad) == 1
    output = capsys.readouterr()
    assert [json.loads(line) for line in output.out.splitlines()] == [
        {"file": str(bad), "line": 3, "reason": "airmass is 'low': write a number"},
        {"file": str(bad), "line": 4, "reason": "expid 4 is on line 2 already: keep one of them"},
    ]
    assert output.err == "exposure-bus: 2 of 6 rows are bad; nothing was loaded\n"
    assert rows_in(url) == []


def test_a_single_bad_row_is_told_in_the_singular_and_as_a_table(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("EXPID,NIGHT\nfive,20230913\n")
    assert load(bad) == 1
    output = capsys.readouterr()
    assert output.err == "exposure-bus: 1 of 1 row is bad; nothing was loaded\n"
    heading, row = output.out.splitlines()
    assert heading.split() == ["file", "line", "reason"]
    assert row.split(maxsplit=2) == [str(bad), "2", "EXPID is 'five': write a whole number of at most 64 bits"]


def test_a_dry_run_writes_nothing_and_says_what_it_would(
    load: Load, url: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("--dry-run", table) == 0
    assert "3 exposures of 2 nights (20230913 to 20230914) would be loaded into" in capsys.readouterr().out
    assert rows_in(url) == []


def test_a_program_that_asked_for_json_reads_nothing_but_bad_rows_there(
    load: Load, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("--format", "json", table) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "3 exposures of 2 nights" in output.err


@pytest.mark.parametrize("content", [b"", b"\x7fELF\0", b"NIGHT\n1\n", None])
def test_a_file_that_is_no_table_is_a_wrong_use_and_one_line(
    load: Load, tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other"
    if content is not None:
        path.write_bytes(content)
    assert load(path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_later_table_has_the_last_word(load: Load, url: str, table: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.csv"
    later.write_text("EXPID,NIGHT,OBSTYPE\n2,20230913,flat\n")
    load(table, later)
    assert [row["exptype"] for row in rows_in(url)] == ["zero", "flat", "science"]


def test_a_file_that_changes_between_check_and_load_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_text("EXPID,NIGHT\n" + "".join(f"{expid},20230913\n" for expid in range(3000)))
    table = ExposureTable(path)
    with path.open("a") as file:
        file.write("3000,tomorrow\n")
    with ExposureDB(url) as db, pytest.raises(BadRows, match="line 3002: NIGHT is 'tomorrow'"):
        load_tables([table], db)
    assert rows_in(url) == []


def test_a_file_that_vanishes_between_check_and_load_leaves_nothing_behind(url: str, table: Path) -> None:
    vanishing = ExposureTable(table)
    table.rename(table.with_suffix(".gone"))
    with ExposureDB(url) as db, pytest.raises(UnreadableTable, match="cannot read"):
        load_tables([vanishing], db)
    assert rows_in(url) == []


def test_a_password_is_not_shown(
    load: Load, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPOSURE_BUS_EXPOSURE_DB_URL", "postgresql://ics:secret@127.0.0.1:1/exposures")
    assert load("--dry-run", table) == 0
    assert load(table) == 1
    output = capsys.readouterr()
    assert "ics:***@127.0.0.1" in output.out
    assert "secret" not in output.out + output.err


def test_a_database_that_is_not_there_is_told_in_one_line(
    load: Load, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPOSURE_BUS_EXPOSURE_DB_URL", "postgresql://127.0.0.1:1/exposures")
    assert load(table) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
