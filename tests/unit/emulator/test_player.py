"""A night played: what is in the exposureDB at each moment, what is on disk, and going on after a stop."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exposure_emulator import EmulatorError, NightPlayer, Played, TakenExposure, play_night
from exposure_emulator.raw import Noise, raw_files
from exposure_publisher import ExposureDB

EVENING = datetime(2023, 9, 14, 3, tzinfo=UTC)


def taken(expid: int, minute: float, exptype: str = "zero", exptime: float = 0.0) -> TakenExposure:
    date = EVENING + timedelta(minutes=minute)
    return TakenExposure(expid=expid, night=20230913, date=date, exptype=exptype, exptime=exptime, airmass=1.2)


NIGHT = [
    taken(1, 0),
    taken(2, 1.1),
    replace(taken(4, 10, "science", 900.3), tile_id=9708, program="dark", seeing=1.1, transparency=0.9),
    taken(5, 27, "other"),
    taken(6, 28, "flat", 120.02),
]


class WatchedDB(ExposureDB):
    """An exposureDB that notes what is asked of it, and looks at the disk when data is said to be written."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[str] = []
        self.recorded: list[dict[str, Any]] = []

    def record(self, *, expid: int, **values: Any) -> None:
        self.asked.append(f"record {expid}")
        self.recorded.append({"expid": expid, **values})
        super().record(expid=expid, **values)

    def data_written(self, expid: int, *, data_location: str | None = None) -> None:
        self.asked.append(f"written {expid}")
        assert data_location is not None
        assert_whole(Path(data_location))
        super().data_written(expid, data_location=data_location)


def assert_whole(folder: Path) -> None:
    """Every file is there under its name and is what the checksums say."""
    names = {path.name for path in folder.iterdir()}
    sums = [line.split("  ") for path in folder.glob("checksum-*") for line in path.read_text().splitlines()]
    assert names == {name for _, name in sums} | {path.name for path in folder.glob("checksum-*")}
    for digest, name in sums:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.fixture
def db(tmp_path: Path) -> Iterator[WatchedDB]:
    with WatchedDB(f"sqlite:///{tmp_path / 'exposuredb.sqlite'}") as watched:
        yield watched


def inodes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


def test_a_night_ends_with_every_row_complete_and_every_file_on_disk(db: WatchedDB, tmp_path: Path) -> None:
    result = play_night(NIGHT, db, tmp_path / "raw", speed=math.inf)
    assert (result.exposures, result.played, result.before) == (5, 5, 0)
    for exposure, row in zip(NIGHT, db.exposures(), strict=True):
        folder = tmp_path / "raw" / "20230913" / f"{exposure.expid:08d}"
        expected = {**exposure.in_full(), "data_written": True, "data_location": str(folder)}
        assert {key: row[key] for key in expected} == expected
        names = [file.name for file in raw_files(exposure, 1, Noise(0))]
        assert sorted(path.name for path in folder.glob("[!c]*")) == [name for name in names if name[0] != "c"]
    assert not list((tmp_path / "raw" / "20230913" / "00000005").iterdir())


def test_a_row_says_at_the_start_what_is_known_then_and_the_rest_at_the_end(db: WatchedDB, tmp_path: Path) -> None:
    play_night([NIGHT[2]], db, tmp_path, speed=math.inf)
    start, end = db.recorded
    assert start == {
        "expid": 4,
        "night": 20230913,
        "date": EVENING + timedelta(minutes=10),
        "exptype": "science",
        "program": "dark",
        "tile_id": 9708,
        "skyra": None,
        "skydec": None,
        "exptime": 900.0,
    }
    assert end == {
        "expid": 4,
        "exptime": 900.3,
        "seeing": 1.1,
        "airmass": 1.2,
        "transparency": 0.9,
        "skylevel": None,
        "s2n": None,
    }
    assert db.asked[-1] == "written 4"


def test_an_exposure_begins_while_the_one_before_is_still_open(db: WatchedDB, tmp_path: Path) -> None:
    overlapping = [taken(1, 0, "dark", 600.0), taken(2, 5, "dark", 60.0)]
    play_night(overlapping, db, tmp_path, speed=math.inf)
    assert [row["expid"] for row in db.recorded] == [1, 2, 2, 1]


def test_an_exposure_that_never_came_stays_pending(db: WatchedDB, tmp_path: Path) -> None:
    reports: list[Played] = []
    play_night([replace(NIGHT[0], data_written=False)], db, tmp_path / "raw", speed=math.inf, report=reports.append)
    (row,) = db.exposures()
    assert (row["data_written"], row["data_location"]) == (False, None)
    assert [played.written for played in reports] == [None]
    assert not (tmp_path / "raw").exists()


def test_a_night_played_twice_is_played_once(db: WatchedDB, tmp_path: Path) -> None:
    play_night(NIGHT, db, tmp_path / "raw", speed=math.inf)
    files, asked = inodes(tmp_path / "raw"), list(db.asked)
    result = play_night(NIGHT, db, tmp_path / "raw", speed=1e-9)
    assert (result.played, result.before) == (5, 5)
    assert inodes(tmp_path / "raw") == files
    assert db.asked == asked


def test_files_that_were_damaged_are_written_and_announced_again(db: WatchedDB, tmp_path: Path) -> None:
    play_night(NIGHT, db, tmp_path / "raw", speed=math.inf)
    (tmp_path / "raw/20230913/00000002/desi-00000002.fits.fz").write_bytes(b"rot")
    db.asked.clear()
    result = play_night(NIGHT, db, tmp_path / "raw", speed=math.inf)
    assert db.asked == ["written 2"]
    assert (result.played, result.before) == (5, 4)


def test_a_stopped_night_goes_on_where_it_was(db: WatchedDB, tmp_path: Path) -> None:
    def stop_after_the_second(played: Played) -> None:
        if played.exposure.expid == 2:
            player.stop()

    player = NightPlayer(NIGHT, db, tmp_path / "raw", speed=math.inf, report=stop_after_the_second)
    stopped = player.play()
    assert 1 <= stopped.played < 5
    assert not list((tmp_path / "raw").rglob(".*"))
    written = [row["expid"] for row in db.exposures() if row["data_written"]]
    assert len(written) == stopped.played
    resumed = play_night(NIGHT, db, tmp_path / "raw", speed=math.inf)
    assert (resumed.played, resumed.before) == (5, stopped.played)
    assert all(row["data_written"] for row in db.exposures())


def test_a_night_that_is_stopped_while_it_waits_ends_at_once(db: WatchedDB, tmp_path: Path) -> None:
    player = NightPlayer([taken(1, 0), taken(2, 60 * 24 * 365)], db, tmp_path, report=lambda _: player.stop(), speed=60)
    assert player.play().played == 1


def test_a_disk_that_refuses_ends_the_night_with_one_error(db: WatchedDB, tmp_path: Path) -> None:
    (tmp_path / "raw").touch()
    with pytest.raises(EmulatorError, match="cannot write"):
        play_night(NIGHT, db, tmp_path / "raw", speed=math.inf)
    assert not any(row["data_written"] for row in db.exposures())


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_is_none_is_refused(db: WatchedDB, tmp_path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        play_night(NIGHT, db, tmp_path, speed=speed)
