"""The demo as a person runs it: everything agrees, nothing is left behind, and what is broken is named."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pika
import psutil
import pytest
from pika.exceptions import ChannelClosedByBroker
from tests.waiting import wait_until

DEMO: Final = Path(__file__).parents[2] / "demo"
DEADLINE: Final = 120
MARK: Final = "DEMO_UNDER_TEST"


class Demo:
    """The demo as a process, with a temporary folder of its own.

    Args:
        folder: Where its temporary files go.
        arguments: Its command line.
        environment: More of its environment.
    """

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.temporary = folder
        self._mark = f"{MARK}={folder}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EXPOSURE_BUS_", "KEEP"))}
        own = {"TMPDIR": str(folder), MARK: str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, str(DEMO), *arguments],
            env=kept | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""

    def wait(self) -> int:
        """Wait until it ends; return its exit code."""
        self.output, _ = self._process.communicate(timeout=DEADLINE)
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return the processes that it has started and that run, those with all of these words in their command."""
        mine = [process for process in psutil.process_iter() if self._mark in _environment(process)]
        return [process for process in mine if set(words) <= set(_command(process))]

    def end(self) -> None:
        """End it, if it runs."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate(timeout=DEADLINE)


def _environment(process: psutil.Process) -> str:
    try:
        return "\n".join(f"{name}={value}" for name, value in process.environ().items())
    except psutil.Error:
        return ""


def _command(process: psutil.Process) -> list[str]:
    try:
        return [Path(word).name for word in process.cmdline()]
    except psutil.Error:
        return []


@pytest.fixture
def start() -> Iterator[Callable[..., Demo]]:
    """Starts demos; whatever still runs is ended afterwards."""
    demos: list[Demo] = []
    # PostgreSQL runs as a user who cannot enter the folders of a test started by root.
    with tempfile.TemporaryDirectory(prefix="test-demo-") as folder:
        Path(folder).chmod(0o755)

        def start_one(*arguments: str, **environment: str) -> Demo:
            demos.append(Demo(Path(folder), *arguments, **environment))
            return demos[-1]

        yield start_one
        for demo in demos:
            demo.end()


def assert_nothing_is_left(demo: Demo) -> None:
    assert demo.processes() == []
    assert list(demo.temporary.iterdir()) == []


def test_the_beginning_of_a_real_night_arrives_whole_and_nothing_is_left_behind(start: Callable[..., Demo]) -> None:
    demo = start("--limit", "12")
    assert demo.wait() == 0, demo.output
    lines = [" ".join(line.split()) for line in demo.output.splitlines()]
    for line in (
        "✓ played 12 rows in the exposureDB, 12 with data written",
        "✓ cached 12 all 16 values equal to the exposureDB's",
        "✓ yielded 12 by new_exposures, each exactly once",
        "✓ verified 12 hashed anew, against the instrument's own checksums",
        "✓ leftovers 0 no stray file, no hole, no message set aside",
    ):
        assert line in lines
    assert "✓ announced 12 seen on the bus by a tap, in " in "\n".join(lines)
    assert "✓ fetched 12 by get_exposure_files: 36 files, " in "\n".join(lines)
    assert "Both ends agree." in demo.output
    assert_nothing_is_left(demo)


def test_it_plays_on_postgresql_and_on_a_broker_that_runs_already_and_leaves_no_queue_there(
    start: Callable[..., Demo], broker_url: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    demo = start("--database", "postgresql", "--limit", "3", KEEP=str(kept), EXPOSURE_BUS_BROKER_URL=broker_url)
    assert demo.wait() == 0, demo.output
    assert "Both ends agree." in demo.output
    assert f"everything is kept in {kept}" in demo.output
    assert (kept / "postgresql" / "data" / "PG_VERSION").exists()
    assert {log.stem for log in (kept / "logs").iterdir()} == {"emulate", "follow", "publish", "qlf", "tap"}
    assert len(list((kept / "qlf" / "files").iterdir())) == 3
    subscriber = tomllib.loads((kept / "exposure-bus.toml").read_text())["subscriber"]
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection, pytest.raises(ChannelClosedByBroker):
        connection.channel().queue_declare(f"exposures.{subscriber}", passive=True)
    assert_nothing_is_left(demo)


def test_what_is_altered_on_the_way_is_named_and_the_exit_code_is_1(
    start: Callable[..., Demo], broker_url: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    demo = start("--limit", "30", KEEP=str(kept), EXPOSURE_BUS_BROKER_URL=broker_url)
    folder = kept / "qlf" / "files" / "00195972"
    wait_until((folder / "request-00195972.json").exists, "the first exposure's files")
    (file,) = wait_until(lambda: list(folder.glob("desi-*")), "its image")
    with file.open("ab") as image:
        image.write(b"one pixel more")
    with sqlite3.connect(kept / "qlf" / "cache.sqlite", timeout=10) as cache:
        cache.execute("UPDATE exposure SET exptime = 7 WHERE expid = 195972")
    assert demo.wait() == 1
    assert "2 disagreements:" in demo.output
    assert "cached: exposure 195972: exptime is 7.0 in the cache, 0.0 in the exposureDB" in demo.output
    assert "verified: exposure 195972: desi-00195972.fits.fz is there with another SHA-256" in demo.output
    assert_nothing_is_left(demo)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_of_the_night_it_ends_and_removes_everything(
    start: Callable[..., Demo], broker_url: str, number: signal.Signals, exit_code: int
) -> None:
    demo = start("--limit", "60", EXPOSURE_BUS_BROKER_URL=broker_url)
    wait_until(lambda: list(demo.temporary.glob("*/qlf/files/*/*")), "a fetched file")
    demo.signal(number)
    assert demo.wait() == exit_code
    assert demo.output.endswith(f"demo: stopped by {number.name}\n")
    assert_nothing_is_left(demo)


def test_stopped_while_the_broker_starts_it_removes_everything(start: Callable[..., Demo]) -> None:
    demo = start("--limit", "3")
    wait_until(lambda: demo.processes("epmd"), "the start of the private broker")
    demo.signal(signal.SIGTERM)
    assert demo.wait() == 143
    assert_nothing_is_left(demo)


def test_a_process_that_dies_is_named_with_the_end_of_its_log(start: Callable[..., Demo], broker_url: str) -> None:
    demo = start("--limit", "60", EXPOSURE_BUS_BROKER_URL=broker_url)
    wait_until(lambda: list(demo.temporary.glob("*/qlf/files/*/*")), "a fetched file")
    (follower,) = demo.processes("exposure-bus", "follow")
    follower.kill()
    assert demo.wait() == 1
    assert "demo: follow was ended by SIGKILL; the end of its log:\n" in demo.output
    assert "INFO connected to the broker at " in demo.output
    assert demo.output.endswith("KEEP=DIR keeps all logs, databases and files\n")
    assert_nothing_is_left(demo)


def test_without_the_table_of_a_night_it_says_what_brings_it(start: Callable[..., Demo], tmp_path: Path) -> None:
    (tmp_path / "desispec.py").touch()  # stands before the real package, and has no tables
    demo = start(PYTHONPATH=str(tmp_path))
    assert demo.wait() == 1
    assert demo.output == (
        "demo: the real nights come with DESI's package desispec, which is not installed: run `make setup`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "exit_code", "text"),
    [
        (["--night", "20230101"], {}, 2, "demo: --night is 20230101: DESI's package has no such night; it has "),
        (["--limit", "0"], {}, 2, "0 is not in the range x>=1"),
        ([], {"KEEP": str(DEMO)}, 2, "already: name a folder that is new or empty"),
        ([], {"EXPOSURE_BUS_BROKER_URL": "rabbit"}, 2, "write amqp://user:password@host:port/virtual-host"),
        ([], {"EXPOSURE_BUS_BROKER_URL": "amqp://a:secret@127.0.0.1:1/"}, 1, "127.0.0.1:1: [Errno 111] Connection ref"),
    ],
)
def test_a_mistake_is_said_in_a_line_before_anything_is_started(
    start: Callable[..., Demo], arguments: list[str], environment: dict[str, str], exit_code: int, text: str
) -> None:
    demo = start(*arguments, **environment)
    assert demo.wait() == exit_code
    assert text in demo.output
    assert "Traceback" not in demo.output
    assert "secret" not in demo.output
    assert_nothing_is_left(demo)
