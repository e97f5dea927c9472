"""Files brought to a destination: whole, verified, and as they were."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore

import pytest
from tests.unit.fetch.examples import (
    FIBERMAP,
    FILES,
    SPECTRO,
    contents,
    exposure_at,
    fetch,
    manifest_of,
    sha256,
    written,
)

from exposure_subscriber.errors import FetchError
from exposure_subscriber.fetch.copying import Copying
from exposure_subscriber.fetch.hashing import BLOCK, BLOCKS, Reader, read_through
from exposure_subscriber.fetch.progress import Progress
from exposure_subscriber.fetch.source import FileState, Target
from exposure_subscriber.fetch.threads import Turn

TOTAL = sum(map(len, FILES.values()))


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("hashed", [True, False])
def test_the_bytes_at_the_destination_are_those_of_the_source(jobs: int, hashed: bool, tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics", hashed=hashed), tmp_path / "new" / "qlf", jobs=jobs)
    assert contents(found.path) == FILES
    assert {file.name: file.sha256 for file in found.files} == {name: sha256(FILES[name]) for name in FILES}


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, BLOCKS * BLOCK, (BLOCKS + 3) * BLOCK + 1])
def test_sizes_around_a_block_are_copied_whole(size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    fetch(written(tmp_path / "ics", {SPECTRO: content}), tmp_path / "qlf")
    assert (tmp_path / "qlf" / SPECTRO).read_bytes() == content


def test_a_file_so_large_that_writing_to_disk_begins_early_is_copied_whole(tmp_path: Path) -> None:
    content = os.urandom(20_000_001)
    fetch(written(tmp_path / "ics", {SPECTRO: content}), tmp_path / "qlf")
    assert (tmp_path / "qlf" / SPECTRO).read_bytes() == content


def test_a_source_that_reads_a_few_bytes_at_a_time_is_read_to_the_end() -> None:
    content = os.urandom(10_000)
    passed = bytearray()

    def trickle(buffer: memoryview, offset: int) -> int:
        piece = content[offset : offset + min(7, len(buffer))]
        buffer[: len(piece)] = piece
        return len(piece)

    found = read_through(trickle, passed.extend, len(content))
    assert (found.size, found.sha256, bytes(passed)) == (10_000, sha256(content), content)


def test_a_destination_that_takes_a_few_bytes_at_a_time_gets_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, block: write(descriptor, block[:100_000]))
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


def test_the_time_of_modification_is_kept(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    os.utime(tmp_path / "ics" / SPECTRO, ns=(1, 1_704_510_000_123_456_789))
    fetch(exposure, tmp_path / "qlf")
    assert (tmp_path / "qlf" / SPECTRO).stat().st_mtime_ns == 1_704_510_000_123_456_789


def test_the_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    (tmp_path / "ics" / SPECTRO).chmod(0o400)
    fetch(exposure, tmp_path / "qlf")
    (tmp_path / "ordinary").touch()
    assert (tmp_path / "qlf" / SPECTRO).stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_bytes_done_add_up_and_small_files_come_first(tmp_path: Path) -> None:
    done: list[int] = []
    fetch(written(tmp_path / "ics"), tmp_path / "qlf", progress=done.append, jobs=1)
    assert sum(done) == TOTAL
    assert done[:3] == [len(FILES["etc-00012345.json"]), len(FILES[FIBERMAP]), BLOCK]


def test_several_files_are_copied_at_a_time(tmp_path: Path) -> None:
    together = threading.Barrier(2, timeout=20)
    met = threading.Event()

    def meet(_count: int) -> None:
        if not met.is_set():
            together.wait()
            met.set()

    fetch(written(tmp_path / "ics"), tmp_path / "qlf", progress=meet, jobs=2)
    assert met.is_set()


def test_a_name_of_the_greatest_length_is_copied(tmp_path: Path) -> None:
    name = "é" * 127
    exposure = written(tmp_path / "ics", {name: b"flux"})
    assert contents(fetch(exposure, tmp_path / "qlf").path) == {name: b"flux"}


def test_what_the_watcher_raises_ends_the_fetch_and_leaves_nothing(tmp_path: Path) -> None:
    def fail(_count: int) -> None:
        raise LookupError("the bar is gone")

    with pytest.raises(LookupError, match="the bar is gone"):
        fetch(written(tmp_path / "ics"), tmp_path / "qlf", progress=fail)
    assert contents(tmp_path / "qlf") == {}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]


def test_when_one_file_fails_those_before_it_stand_and_those_after_it_do_not_come(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    (tmp_path / "ics" / FIBERMAP).write_bytes(b"damaged")
    with pytest.raises(FetchError, match=FIBERMAP):
        fetch(exposure, tmp_path / "qlf", jobs=1)
    assert contents(tmp_path / "qlf") == {"etc-00012345.json": FILES["etc-00012345.json"]}


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b""), lambda path: path.symlink_to("nowhere")])
def test_a_destination_that_is_no_folder_is_named(make: object, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / "qlf")
    with pytest.raises(FetchError, match=rf"cannot write {tmp_path}/qlf: File exists"):
        fetch(written(tmp_path / "ics"), tmp_path / "qlf")


class Cloned:
    """A source whose files share their blocks, and are never read."""

    where = "/clones"
    fills_at_once = True

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.state = FileState(len(content), 1_000_000_000)

    def names(self) -> list[str]:
        return [SPECTRO]

    @contextmanager
    def open(self, _name: str) -> Iterator["Cloned"]:
        yield self

    def changed(self) -> bool:
        return False

    def read_into(self, buffer: memoryview, offset: int) -> int:
        raise AssertionError(f"{len(buffer)} bytes read at {offset}: the clone is what counts")

    def fill(self, target: Target) -> Reader:
        os.write(target.descriptor, self._content)
        return target.read_into


@pytest.mark.parametrize("damaged", [False, True])
def test_where_blocks_are_shared_the_clone_is_hashed_and_the_source_is_not_read(damaged: bool, tmp_path: Path) -> None:
    content = FILES[SPECTRO]
    source = Cloned(content[:-1] + b"?" if damaged else content)
    copying = Copying(source=source, folder=tmp_path, overwrite=True, progress=Progress(None))
    file = next(file for file in manifest_of(FILES) if file.name == SPECTRO)
    if damaged:
        with pytest.raises(FetchError, match="has SHA-256"):
            copying.copy(file, Turn(Semaphore()))
        assert contents(tmp_path) == {}
    else:
        assert copying.copy(file, Turn(Semaphore())).sha256 == sha256(content)
        assert contents(tmp_path) == {SPECTRO: content}


def test_a_destination_that_is_the_source_keeps_its_files(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    for hashed in (True, False):
        fetch(exposure_at(tmp_path / "ics", manifest_of(FILES, hashed=hashed)), tmp_path / "ics")
        assert contents(tmp_path / "ics") == FILES
    assert exposure.data_location == str(tmp_path / "ics")
