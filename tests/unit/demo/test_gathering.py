"""What the demo's verdict is made of, read from the disk as it is."""

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exposure_publisher import ExposureDB
from files import found, promised
from journal import Journal, announced
from latency import Latency
from truth import ExposureDatabase


def test_a_line_that_is_only_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "diary.jsonl"
    journal = Journal(path)
    assert journal.entries() == []
    path.write_text('{"n": 1}\n{"n":', encoding="utf-8")
    assert journal.entries() == [{"n": 1}]
    with path.open("a", encoding="utf-8") as file:
        file.write(" 2}\n")
    assert journal.entries() == [{"n": 1}, {"n": 2}]


def test_of_what_a_tap_saw_only_exposures_of_this_exposuredb_count(tmp_path: Path) -> None:
    lines = [{"epoch": "ours", "expid": 1}, {"epoch": "theirs", "expid": 2}, {"epoch": "ours"}, {"epoch": None}]
    (tmp_path / "tap.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    assert announced(Journal(tmp_path / "tap.jsonl"), "ours") == [{"epoch": "ours", "expid": 1}]


def test_sums_are_read_from_the_checksum_file_and_computed_anew_from_the_bytes(tmp_path: Path) -> None:
    content, name = b"pixels", "desi-00000007.fits.fz"
    line = f"{hashlib.sha256(content).hexdigest()}  {name}\n"
    (tmp_path / name).write_bytes(content)
    (tmp_path / "checksum-00000007.sha256sum").write_text(line, encoding="ascii")
    assert promised(tmp_path, 7) == found(tmp_path)
    (tmp_path / name).write_bytes(b"pixelz")
    assert promised(tmp_path, 7)[name] != found(tmp_path)[name]


def test_an_exposure_without_files_promises_none(tmp_path: Path) -> None:
    assert promised(tmp_path, 7) == {}
    assert found(tmp_path / "nowhere") == {}


def test_a_checksum_file_that_is_missing_is_promised_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "desi-00000007.fits.fz").write_bytes(b"pixels")
    assert promised(tmp_path, 7) == {"checksum-00000007.sha256sum": ""}
    assert promised(tmp_path / "nowhere", 7) == {"checksum-00000007.sha256sum": ""}


def test_the_exposuredb_is_read_by_the_driver_alone_to_the_values_that_were_recorded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/exposuredb.sqlite"
    date = datetime(2023, 9, 14, 3, 14, 15, 926535, tzinfo=UTC)
    with ExposureDB(url) as db:
        db.record(expid=7, night=20230913, date=date, exptime=900.0, tile_id=7668)
        db.data_written(7, data_location="/raw/7")
    database = ExposureDatabase(url)
    row = database.rows()[7]
    assert (row["date"], row["exptime"], row["tile_id"], row["data_written"]) == (date, 900.0, 7668, True)
    assert row["date"].tzinfo is UTC
    assert row["seeing"] is None
    assert row["data_written_at"].tzinfo is UTC
    with sqlite3.connect(tmp_path / "exposuredb.sqlite") as connection:
        assert [(database.epoch(),)] == connection.execute("SELECT epoch FROM exposure_ledger_state").fetchall()


@pytest.mark.parametrize(
    ("delays", "text"),
    [
        ([0.001 * n for n in range(1, 101)], "p50 50.0 ms, p99 99.0 ms"),
        ([0.2], "p50 200.0 ms, p99 200.0 ms"),
        ([0.001, 2.5], "p50 1.0 ms, p99 2.50 s"),
    ],
)
def test_latencies_are_told_by_the_nearest_rank(delays: list[float], text: str) -> None:
    assert str(Latency.of(delays)) == text
