"""``exposure-bus emulate`` as a process: a real night, stopped and gone on with, on a terminal and off it."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exposure_emulator import installed_nights, read_night
from exposure_publisher import ExposureDB
from private_servers import PostgreSQL

COMMAND = [str(Path(sys.executable).with_name("exposure-bus")), "emulate"]
DEADLINE = 60


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'exposuredb.sqlite'}"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("EXPOSURE_BUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if 20230913 not in installed_nights():
        pytest.fail("DESI's package is not installed: pip install --no-deps desispec==0.70.0")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    with PostgreSQL(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def test_a_whole_real_night_is_in_the_exposuredb_and_on_disk_in_the_end(url: str, tmp_path: Path) -> None:
    done = run("20230913", "--data", tmp_path / "raw", "--speed", "max", "--exposure-db-url", url)
    assert (done.returncode, done.stdout) == (
        0,
        f"94 exposures of night 20230913 played into {url}, files in {tmp_path / 'raw'}\n",
    )
    assert len(re.findall(r"^\S+Z INFO \d{6} .*: \d+ files, ", done.stderr, re.MULTILINE)) == 94
    night = read_night("20230913")
    with ExposureDB(url) as db:
        for exposure, row in zip(night, db.exposures(), strict=True):
            assert row.items() >= exposure.in_full().items()
            assert_whole(Path(row["data_location"]), 13 if exposure.kind == "science" else 3)


def assert_whole(folder: Path, files: int) -> None:
    assert len(list(folder.iterdir())) == files
    (sums,) = folder.glob("checksum-*.sha256sum")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", sums.name], cwd=folder, check=True, timeout=DEADLINE)


def test_a_night_can_be_played_into_postgresql(cluster: PostgreSQL, tmp_path: Path) -> None:
    url = cluster.create_database("emulated")
    done = run(
        "synthetic", "--night", 20260110, "--limit", 5, "--data", tmp_path, "--speed", "max", "--exposure-db-url", url
    )
    assert (done.returncode, done.stdout[:38]) == (0, "5 exposures of night 20260110 played i")
    with ExposureDB(url) as db:
        assert [row["data_written"] for row in db.exposures()] == [True] * 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_night_that_is_stopped_says_how_far_it_came_and_goes_on_from_there(
    url: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    arguments = ["20230914", "--data", str(tmp_path / "raw"), "--limit", "20", "--exposure-db-url", url, "--speed"]
    with subprocess.Popen([*COMMAND, *arguments, "60"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert " zero calib zeros for nightly bias: " in process.stderr.readline()
        process.send_signal(number)
        *_, last = process.stderr.read().splitlines()
        assert process.wait(DEADLINE) == code
    match = re.fullmatch(r"stopped: (\d+) of 20 exposures played; the same again goes on", last)
    assert match is not None
    assert not list((tmp_path / "raw").rglob(".*"))
    resumed = run(*arguments, "max")
    assert resumed.returncode == 0
    assert f"20 exposures of night 20230914 played ({match[1]} were there already)" in resumed.stdout


def test_on_a_terminal_there_is_a_bar_below_the_lines(url: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ["20230913", "--data", str(tmp_path), "--limit", "3", "--speed", "max", "--exposure-db-url", url]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([*COMMAND, *arguments], stderr=theirs, stdout=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        seen = read_all(ours)
        assert process.wait(DEADLINE) == 0
    assert "195972 zero calib zeros for nightly bias: 3 files, 190.4 kB" in seen
    assert "3/3" in seen
    assert "INFO" not in seen


def read_all(terminal: int) -> str:
    content = b""
    try:
        while chunk := os.read(terminal, 65536):
            content += chunk
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(terminal)
    return content.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["20230915", "--data", "raw"], 2, "it has 20210511, 20211129, 20230913, 20230914"),
        (["nights.csv", "--data", "raw"], 2, "there is no table nights.csv"),
        (["synthetic", "--night", "20269999", "--data", "raw"], 2, "there is no night 20269999"),
        (["synthetic", "--data", "raw", "--size", "huge"], 2, "write 300kB, 2MB or 1.4GB"),
        (["synthetic", "--data", "raw", "--speed", "0"], 2, "above 0, or max"),
        (["synthetic"], 2, "Missing option '--data'"),
        (["synthetic", "--data", "/proc/nowhere", "--speed", "max"], 1, "cannot write /proc/nowhere"),
    ],
)
def test_a_mistake_is_told_in_a_line_and_not_in_a_traceback(
    url: str, arguments: list[str], code: int, hint: str
) -> None:
    done = run(*arguments, "--exposure-db-url", url)
    assert done.returncode == code
    assert hint in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
