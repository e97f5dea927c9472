"""Processes that die, are interrupted, or fetch the same at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.fetch.examples import CHECKSUM, FILES, SPECTRO, contents, exposure_at, fetch, sha256, write

ROOT = Path(__file__).parents[3]
LARGE = FILES[SPECTRO] * 8
WITH_CHECKSUM = {
    SPECTRO: LARGE,
    CHECKSUM: f"{sha256(LARGE)}  {SPECTRO}\n".encode(),
}


@contextmanager
def fetching(source: Path, destination: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.unit.fetch.fetching_process", str(source), str(destination), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")


def in_the_middle(process: subprocess.Popen[str]) -> None:
    """Let it go on until it is in the middle of the large file."""
    for _ in range(3):
        assert heard(process) == "block"
        go_on(process)
    assert heard(process) == "block"


def to_the_end(process: subprocess.Popen[str]) -> list[str]:
    """Let it go on for as long as it says something, and return what it said."""
    said = []
    go_on(process)
    while word := heard(process):
        said.append(word)
        if word == "block":
            go_on(process)
    process.wait(timeout=20)
    return said


def leftovers(folder: Path) -> list[Path]:
    """What there is of the large file; the small one before it may still wait for the disk."""
    return list(folder.glob(f".{SPECTRO}.*.part"))


def test_what_a_killed_process_left_is_removed_and_the_files_are_brought(tmp_path: Path) -> None:
    source, destination = write(tmp_path / "ics", WITH_CHECKSUM), tmp_path / "qlf"
    with fetching(source, destination, "--step") as process:
        in_the_middle(process)
        process.kill()
        process.wait(timeout=20)
    assert len(leftovers(destination)) == 1
    assert not (destination / SPECTRO).exists()
    fetch(exposure_at(source, None), destination)
    assert contents(destination) == WITH_CHECKSUM


def test_what_a_living_process_writes_is_left_alone_and_both_complete(tmp_path: Path) -> None:
    source, destination = write(tmp_path / "ics", WITH_CHECKSUM), tmp_path / "qlf"
    with fetching(source, destination, "--step") as process:
        in_the_middle(process)
        fetch(exposure_at(source, None), destination)
        assert len(leftovers(destination)) == 1
        assert (destination / SPECTRO).read_bytes() == LARGE
        assert to_the_end(process)[-1] == "done"
    assert contents(destination) == WITH_CHECKSUM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fetch_ends_soon_and_the_next_leaves_nothing_half_copied(number: int, tmp_path: Path) -> None:
    source, destination = write(tmp_path / "ics", WITH_CHECKSUM), tmp_path / "qlf"
    with fetching(source, destination, "--step") as process:
        in_the_middle(process)
        process.send_signal(number)
        assert heard(process) == "interrupted"
        to_the_end(process)
        assert process.returncode == 128 + number
    assert {name for name in contents(destination) if not name.startswith(".")} == {CHECKSUM}
    fetch(exposure_at(source, None), destination)
    assert contents(destination) == WITH_CHECKSUM


def test_several_processes_fetch_the_same_at_once(tmp_path: Path) -> None:
    source, destination = write(tmp_path / "ics", WITH_CHECKSUM), tmp_path / "qlf"
    with fetching(source, destination) as first, fetching(source, destination) as second:
        assert [heard(first), heard(second)] == ["done", "done"]
    assert contents(destination) == WITH_CHECKSUM


def test_a_forked_child_fetches_as_its_parent_does(tmp_path: Path) -> None:
    source = write(tmp_path / "ics", WITH_CHECKSUM)
    fetch(exposure_at(source, None), tmp_path / "parent")
    child = os.fork()
    if child == 0:
        try:
            fetch(exposure_at(source, None), tmp_path / "child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert contents(tmp_path / "child") == contents(tmp_path / "parent") == WITH_CHECKSUM
