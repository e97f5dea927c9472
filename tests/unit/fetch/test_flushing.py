"""A file is on disk before it has its name, and others are copied meanwhile."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fetch.examples import ETC, FIBERMAP, FILES, SPECTRO, contents, exposure_at, fetch, write, written
from tests.unit.fetch.test_processes import fetching, heard, to_the_end

from exposure_subscriber.errors import FetchError, NoSpace

FIRST = FILES[ETC]


def flush_by(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    """Let something happen before a file or folder is flushed; it gets the name that this has then."""
    flush = os.fsync

    def watched(descriptor: int) -> None:
        before(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)


def test_each_file_is_flushed_under_its_hidden_name_and_the_folder_when_all_have_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    flush_by(monkeypatch, flushed.append)
    (tmp_path / "qlf").mkdir()
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert sorted(name.split(".")[1] for name in flushed[:-1]) == sorted(name.split(".")[0] for name in FILES)
    assert all(name.endswith(".part") for name in flushed[:-1])
    assert flushed[-1] == "qlf"


def test_folders_that_are_made_are_flushed_too_from_the_files_upwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    exposure = written(tmp_path / "ics", {ETC: FIRST})
    flush_by(monkeypatch, flushed.append)
    fetch(exposure, tmp_path / "qlf" / "20240105" / "00012345")
    assert flushed[1:] == ["00012345", "20240105", "qlf", tmp_path.name]
    flushed.clear()
    fetch(exposure, tmp_path / "qlf" / "20240105" / "00012345")
    assert flushed == ["00012345"]


def test_a_folder_that_may_be_written_to_and_not_listed_gets_new_ones_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, *how: Any, **where: Any) -> int:
        if path == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *how, **where)

    monkeypatch.setattr(os, "open", refuse)
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


def test_while_one_file_is_flushed_the_next_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    next_is_copied = threading.Event()

    def wait(name: str) -> None:
        if ETC in name:
            assert next_is_copied.wait(20)

    def note(count: int) -> None:
        if count > len(FIRST):
            next_is_copied.set()

    flush_by(monkeypatch, wait)
    fetch(written(tmp_path / "ics"), tmp_path / "qlf", progress=note, jobs=1)
    assert contents(tmp_path / "qlf") == FILES


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, NoSpace), (errno.EIO, FetchError)])
def test_what_cannot_be_flushed_never_has_its_name_and_ends_the_others(
    number: int, kind: type[FetchError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spectro_is_copied = threading.Event()
    may_go_on = threading.Event()

    def fail(name: str) -> None:
        if FIBERMAP in name:
            assert spectro_is_copied.wait(20)
            may_go_on.set()
            raise OSError(number, os.strerror(number))

    def pause(_count: int) -> None:
        if any(SPECTRO in path.name for path in (tmp_path / "qlf").iterdir()):
            spectro_is_copied.set()
            assert may_go_on.wait(20)

    flush_by(monkeypatch, fail)
    exposure = written(tmp_path / "ics")
    with pytest.raises(kind, match=rf"cannot write {tmp_path}/qlf/{FIBERMAP}: {os.strerror(number)}"):
        fetch(exposure, tmp_path / "qlf", progress=pause, jobs=1)
    assert FIBERMAP not in contents(tmp_path / "qlf")
    assert not list((tmp_path / "qlf").glob(f".{FIBERMAP}*"))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]
    monkeypatch.undo()
    fetch(exposure, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_during_the_flush_waits_for_it_and_the_file_stands(number: int, tmp_path: Path) -> None:
    source, destination = write(tmp_path / "ics", {SPECTRO: FILES[SPECTRO]}), tmp_path / "qlf"
    with fetching(source, destination, "--flush") as process:
        assert heard(process) == "flush"
        process.send_signal(number)
        assert heard(process) == "interrupted"
        assert to_the_end(process) == []
        assert process.returncode == 128 + number
    assert contents(destination) == {SPECTRO: FILES[SPECTRO]}


def test_what_is_killed_during_the_flush_has_no_name_and_the_next_fetch_goes_on_with_it(tmp_path: Path) -> None:
    source, destination = write(tmp_path / "ics", {SPECTRO: FILES[SPECTRO]}), tmp_path / "qlf"
    with fetching(source, destination, "--flush") as process:
        assert heard(process) == "flush"
        process.kill()
        process.wait(timeout=20)
    assert [path.suffix for path in destination.iterdir()] == [".part"]
    fetch(exposure_at(source, None), destination)
    assert contents(destination) == {SPECTRO: FILES[SPECTRO]}
