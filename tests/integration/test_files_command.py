"""`exposure-bus files` for one exposure and for a night, as a person types it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.caching import NIGHT, Cached
from tests.processes import Processes
from tests.raw_exposures import listed, trees_agree, write_exposure
from tests.raw_sql import execute


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    with Cached(f"sqlite:///{tmp_path}/cache.sqlite") as cache:
        cache.beat()
        yield cache


@pytest.fixture
def raw(tmp_path: Path, cached: Cached, processes: Processes) -> Path:
    """Three written exposures of a night and one pending, in the cache and on disk."""
    processes.settings(cache_url=cached.url, broker_url="amqp://127.0.0.1:1")
    folder = tmp_path / "raw"
    for expid in (1, 2, 3):
        location = write_exposure(folder, expid)
        cached.expose(expid, data_written=True, data_location=str(location), files=listed(location, expid))
    cached.expose(4)
    cached.beat()
    return folder


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def fetched(cached: Cached) -> list[tuple[Any, ...]]:
    """What is noted: folder, expid, how many files, and how many of them by their SHA-256."""
    return execute(cached.url, "SELECT folder, expid, files, verified FROM fetched ORDER BY expid")


def test_without_a_destination_it_says_where_the_files_are(raw: Path, cached: Cached, processes: Processes) -> None:
    done = processes.run("files", "1", "--format", "json")
    folder = raw / str(NIGHT) / "00000001"
    assert [row["path"] for row in rows(done)] == [
        f"{folder}/desi-00000001.fits.fz",
        f"{folder}/fibermap-00000001.fits",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert fetched(cached) == []


def test_with_one_it_copies_them_there(raw: Path, cached: Cached, tmp_path: Path, processes: Processes) -> None:
    assert processes.run("files", "1", "--dest", str(tmp_path / "qlf"), "--class", "all").returncode == 0
    assert trees_agree(raw / str(NIGHT) / "00000001", tmp_path / "qlf")
    assert fetched(cached) == [(str(tmp_path / "qlf"), 1, 4, 4)]


def test_a_night_is_laid_out_as_desis_readers_expect_it(
    raw: Path, cached: Cached, tmp_path: Path, processes: Processes
) -> None:
    options = ("--dest", str(tmp_path / "qlf"), "--layout", "desi", "--class", "all", "--format", "json")
    done = processes.run("files", "--night", str(NIGHT), *options)
    assert done.returncode == 0
    assert {row["expid"] for row in rows(done)} == {1, 2, 3}
    assert trees_agree(raw, tmp_path / "qlf")
    folder = tmp_path / "qlf" / str(NIGHT)
    assert fetched(cached) == [(str(folder / f"{expid:08d}"), expid, 4, 4) for expid in (1, 2, 3)]


def test_an_exposure_of_a_night_that_fails_does_not_keep_the_others(
    raw: Path, tmp_path: Path, processes: Processes
) -> None:
    (raw / str(NIGHT) / "00000002" / "desi-00000002.fits.fz").write_bytes(b"damaged")
    done = processes.run("files", "--night", str(NIGHT), "--dest", str(tmp_path / "qlf"), "--format", "json")
    assert done.returncode == 1
    assert {row["expid"] for row in rows(done)} == {1, 3}
    assert "exposure 2: " in done.stderr
    assert "1 of 3 exposures failed" in done.stderr


def test_an_exposure_of_a_night_without_a_class_gives_what_it_has(
    raw: Path, cached: Cached, tmp_path: Path, processes: Processes
) -> None:
    assert raw.exists()
    cached.expose(5, data_written=True, data_location=str(tmp_path / "nowhere"), files=())
    done = processes.run("files", "--night", str(NIGHT), "--dest", str(tmp_path / "qlf"))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_kept_and_differs_is_said_so(raw: Path, tmp_path: Path, processes: Processes) -> None:
    assert raw.exists()
    mine = tmp_path / "qlf" / "fibermap-00000001.fits"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    done = processes.run("files", "1", "--dest", str(mine.parent), "--no-overwrite")
    assert done.returncode == 1
    assert "differs from the file in" in done.stderr
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "EXPID, --night or --new, one of them"),
        (("1", "--night", "20230913"), 2, "EXPID, --night or --new, one of them"),
        (("--new",), 2, "--new needs a destination: add --dest DIR"),
        (("1", "--layout", "desi"), 2, "--layout needs a destination"),
        (("1", "--no-overwrite"), 2, "--no-overwrite needs a destination"),
        (("1", "--class", "spectra"), 2, "unknown file class 'spectra'"),
        (("1", "--jobs", "0"), 2, "0 is not in the range"),
        (("99",), 3, "the cache has no exposure 99"),
        (("4",), 3, "not all on disk yet"),
        (("1", "--class", "guider"), 3, "has no file of class guider"),
        (("--night", "20200101"), 3, "no written exposure of night 20200101"),
        (("1", "--location-map", "/=rsync://127.0.0.1/raw"), 1, "is no folder of this host; give a destination"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: tuple[str, ...], code: int, text: str, raw: Path, processes: Processes
) -> None:
    assert raw.exists()
    done = processes.run("files", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr
