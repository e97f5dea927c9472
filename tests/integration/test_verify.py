"""``exposure-bus verify`` as a process, over a cache on either database."""

import csv
import hashlib
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict
from tests.caching import START, Cached
from tests.processes import Processes
from tests.unit.verify.examples import NIGHT, desi, exposure, files_of, write

from exposure_subscriber.cache import open_cache
from exposure_subscriber.commands.verify import COLUMNS
from exposure_subscriber.verify import known

FIRST, SECOND = 195972, 195973
FLAT = files_of(FIRST) | files_of(SECOND)


@pytest.fixture
def cached(cache_url: str) -> Iterator[Cached]:
    """A night of two written exposures and one that is not written yet, and a publisher that is heard."""
    with Cached(cache_url) as made:
        for expid in (FIRST, SECOND):
            _expose(made, expid)
        made.expose(195974, night=NIGHT, data_written=False)
        made.beat()
        yield made


def _expose(cached: Cached, expid: int, **values: Any) -> None:
    known_of_it = asdict(exposure(expid)) | values
    del known_of_it["expid"], known_of_it["sequence"]
    cached.expose(expid, **known_of_it)


class Verifying:
    """Runs the command with a cache."""

    def __init__(self, processes: Processes, cache_url: str) -> None:
        self._processes = processes.settings(cache_url=cache_url)

    def __call__(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        ended = self._processes.run("verify", *map(str, arguments))
        assert "Traceback" not in ended.stderr
        return ended

    def rows(self, *arguments: object) -> list[dict[str, Any]]:
        """What it writes as JSON."""
        return [json.loads(line) for line in self(*arguments, "--format", "json").stdout.splitlines()]


@pytest.fixture
def verify(processes: Processes, cache_url: str) -> Verifying:
    return Verifying(processes, cache_url)


@pytest.mark.usefixtures("cached")
def test_a_good_destination_is_told_in_one_line(verify: Verifying, tmp_path: Path) -> None:
    for expid in (FIRST, SECOND):
        desi(tmp_path / "qlf", expid)
    size = sum(map(len, FLAT.values()))
    ended = verify(tmp_path / "qlf")
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    summed = f"6 files verified, 0 missing, 0 differ, 0 extra ({size / 1e6:.1f} MB in 2 exposures)\n"
    assert ended.stderr == summed


@pytest.mark.usefixtures("cached")
def test_the_table_shows_what_is_wrong_and_verbose_shows_all(verify: Verifying, tmp_path: Path) -> None:
    folder = write(tmp_path / "qlf", FLAT | {f"desi-{SECOND:08d}.fits.fz": b"cut", f"sky-{FIRST:08d}.fits": b""})
    (folder / f"fibermap-{FIRST:08d}.fits").unlink()
    ended = verify(folder)
    assert ended.returncode == 4
    header, *lines = ended.stdout.splitlines()
    assert header.split() == ["expid", "name", "state", "detail"]
    assert [line.split()[:3] for line in lines] == [
        [str(FIRST), f"fibermap-{FIRST:08d}.fits", "missing"],
        [str(FIRST), f"sky-{FIRST:08d}.fits", "extra"],
        [str(SECOND), f"desi-{SECOND:08d}.fits.fz", "differs"],
    ]
    assert "has 3 bytes instead of" in lines[-1]
    assert ended.stderr.startswith("4 files verified, 1 missing, 1 differs, 1 extra (")
    assert len(verify(folder, "-v").stdout.splitlines()) == 1 + 7


@pytest.mark.usefixtures("cached")
def test_checksums_are_short_in_the_table_and_whole_in_json(verify: Verifying, tmp_path: Path) -> None:
    name = f"fibermap-{FIRST:08d}.fits"
    expected, other = files_of(FIRST)[name], files_of(FIRST)[name][::-1]
    write(tmp_path / "qlf", files_of(FIRST) | {name: other})
    digests = [hashlib.sha256(content).hexdigest() for content in (other, expected)]
    (line,) = verify(tmp_path / "qlf").stdout.splitlines()[1:]
    assert line.strip().endswith("has SHA-256 {:.8}… instead of {:.8}…".format(*digests))
    (differing,) = [row for row in verify.rows(tmp_path / "qlf") if row["state"] == "differs"]
    assert differing["detail"] == "has SHA-256 {} instead of {}".format(*digests)


@pytest.mark.usefixtures("cached")
def test_json_and_csv_have_a_row_for_every_file(verify: Verifying, tmp_path: Path) -> None:
    folder = desi(tmp_path / "qlf", FIRST)
    row, *others = verify.rows(tmp_path / "qlf")
    assert len(others) == 2
    assert tuple(row) == COLUMNS
    assert row == {
        "night": NIGHT,
        "expid": FIRST,
        "name": f"desi-{FIRST:08d}.fits.fz",
        "file_class": "spectro",
        "state": "verified",
        "detail": None,
        "path": f"{folder}/desi-{FIRST:08d}.fits.fz",
    }
    listed = list(csv.DictReader(io.StringIO(verify(tmp_path / "qlf", "--format", "csv").stdout)))
    assert [each["state"] for each in listed] == ["verified"] * 3


@pytest.mark.usefixtures("cached")
def test_the_present_folder_is_verified_if_none_is_named(
    verify: Verifying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write(tmp_path / "qlf", FLAT))
    assert {row["path"] for row in verify.rows()} == {str(path) for path in (tmp_path / "qlf").iterdir()}


@pytest.mark.usefixtures("cached")
def test_an_exposure_of_a_night_that_is_wholly_missing_is_told(verify: Verifying, tmp_path: Path) -> None:
    desi(tmp_path / "qlf", FIRST)
    assert verify(tmp_path / "qlf").returncode == 0
    ended = verify(tmp_path / "qlf", "--night", NIGHT)
    assert ended.returncode == 4
    assert ended.stderr.startswith("3 files verified, 2 missing, 0 differ, 0 extra (")
    assert " in 2 exposures)" in ended.stderr
    missing = [
        row for row in verify.rows(tmp_path / "qlf", "--night", NIGHT, "--class", "all") if row["state"] != "verified"
    ]
    assert [(row["expid"], row["file_class"]) for row in missing] == [
        (SECOND, "spectro"),
        (SECOND, "etc"),
        (SECOND, "fibermap"),
    ]


def test_a_night_is_verified_where_ics_has_written_it(cached: Cached, verify: Verifying, tmp_path: Path) -> None:
    _expose(cached, FIRST, data_location=f"/ics/{NIGHT}/{FIRST:08d}")
    _expose(cached, SECOND, data_location="https://ics/raw")
    cached.beat()
    desi(tmp_path / "mounted", FIRST)
    rows = verify.rows("--night", NIGHT, "--location-map", f"/ics={tmp_path}/mounted")
    assert [(row["expid"], row["state"]) for row in rows] == [(FIRST, "verified")] * 3 + [(SECOND, "unreadable")] * 3
    assert rows[-1]["path"] == f"https://ics/raw/fibermap-{SECOND:08d}.fits"


def test_files_without_checksum_are_fine_and_it_is_said(cached: Cached, verify: Verifying, tmp_path: Path) -> None:
    _expose(cached, FIRST, files=exposure(FIRST, hashed=False).files)
    cached.beat()
    ended = verify(desi(tmp_path, FIRST))
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith("0 files verified and 3 by size alone, 0 missing")


def test_an_exposure_that_is_unknown_or_unlisted_is_a_hole(cached: Cached, verify: Verifying, tmp_path: Path) -> None:
    _expose(cached, FIRST, files=None)
    cached.beat()
    write(tmp_path / "qlf", files_of(FIRST) | files_of(7) | {f"etc-{10**30}.json": b""})
    ended = verify(tmp_path / "qlf")
    assert ended.returncode == 4
    assert "1 exposure without manifest, 2 exposures unknown" in ended.stderr


def test_a_cache_that_may_be_behind_is_told(cached: Cached, verify: Verifying, tmp_path: Path) -> None:
    cached.hear_last(START)
    ended = verify(desi(tmp_path, FIRST))
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "3 files verified" in ended.stderr
    assert "the cache may be behind: " in ended.stderr
    assert "no heartbeat since 2023-09-14T00:00:00Z" in ended.stderr


@pytest.mark.usefixtures("cached")
def test_where_there_is_nothing_to_verify_it_ends_with_3(verify: Verifying, tmp_path: Path) -> None:
    folder = write(tmp_path / "notes", {"README": b""})
    for arguments, said in (
        ((folder,), f"nothing to verify: no file of an exposure is in {folder}"),
        ((folder, "--night", 20200101), "the cache has no written exposure of night 20200101"),
        (("--night", 20200101), "the cache has no written exposure of night 20200101"),
    ):
        ended = verify(*arguments)
        assert (ended.returncode, ended.stdout) == (3, "")
        assert said in ended.stderr
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("/nowhere/at/all",), "'/nowhere/at/all' does not exist"),
        (("/etc/passwd",), "'/etc/passwd' is a file"),
        ((".", "--class", "spectra"), "unknown file class 'spectra': known are spectro, fibermap"),
        ((".", "--jobs", "-1"), "-1 is not in the range"),
        ((".", "--jobs", "0"), "0 is not in the range"),
        (("--night", "2023"), "2023 is not in the range"),
        (("--night", "99999999999999999999"), "is not in the range"),
        ((".", ".."), "unexpected extra argument"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_was_wrong(
    arguments: tuple[str, ...], said: str, processes: Processes
) -> None:
    ended = processes.run("verify", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_cache_it_says_what_to_start(processes: Processes, tmp_path: Path) -> None:
    folder = write(tmp_path / "qlf")
    ended = processes.run("verify", str(folder), cache_url=f"sqlite:///{tmp_path}/absent.sqlite")
    assert ended.returncode == 1
    assert "is `exposure-bus follow` running here?" in ended.stderr
    assert not (tmp_path / "absent.sqlite").exists()


@pytest.mark.usefixtures("cached")
def test_names_that_a_terminal_would_obey_are_shown_escaped(verify: Verifying, tmp_path: Path) -> None:
    folder = desi(tmp_path / "qlf", FIRST)
    for name in (b"\x1b[2J", b"two\nlines", b"\xff"):
        Path(folder, name.decode(errors="surrogateescape")).write_bytes(b"")
    for output_format in ("table", "json", "csv"):
        ended = verify(folder, "--format", output_format)
        assert ended.returncode == 4
        assert "\x1b" not in ended.stdout
    assert [row["name"] for row in verify.rows(folder) if row["state"] == "extra"] == [
        r"\x1b[2J",
        r"two\nlines",
        r"\udcff",
    ]


def test_thousands_of_exposures_are_looked_up(cache_url: str) -> None:
    with Cached(cache_url) as cached:
        cached.expose_many(range(1, 1201), night=NIGHT, data_written=True)
        found = known(open_cache(cache_url), [*range(100, 3000), 10**30])
    assert sorted(found) == list(range(100, 1201))
    assert known(open_cache(cache_url), []) == {}
