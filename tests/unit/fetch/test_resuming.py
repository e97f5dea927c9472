"""An interrupted fetch goes on where it ended, with the same content or from scratch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fetch.examples import FILES, SPECTRO, contents, exposure_at, manifest_of, sha256, write, written
from tests.unit.fetch.examples import fetch as fetch_all

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import Mismatch, NoSpace, SourceUnreachable
from exposure_subscriber.fetch.copying import Copying
from exposure_subscriber.fetch.hashing import SMALL, Reader
from exposure_subscriber.fetch.local_source import LocalSource
from exposure_subscriber.fetch.location import Location
from exposure_subscriber.fetch.progress import Progress
from exposure_subscriber.fetch.source import FileState, Target
from exposure_subscriber.fetch.threads import Turn

CONTENT = FILES[SPECTRO]


class Cut:
    """A source that notes from where it is read, and breaks off at an offset."""

    where = "rsync://ics/raw"
    fills_at_once = True

    def __init__(self, content: bytes, breaks_at: int | None = None, error: Exception | None = None) -> None:
        self._content = content
        self._breaks_at = len(content) if breaks_at is None else breaks_at
        self._error = error or SourceUnreachable("the connection was cut")
        self.state = FileState(len(content), None)
        self.offsets: list[int] = []

    def names(self) -> list[str]:
        return [SPECTRO]

    @contextmanager
    def open(self, _name: str) -> Iterator["Cut"]:
        yield self

    def changed(self) -> bool:
        return False

    def read_into(self, buffer: memoryview, offset: int) -> int:
        self.offsets.append(offset)
        if offset >= self._breaks_at < len(self._content):
            raise self._error
        part = self._content[offset : min(self._breaks_at, offset + len(buffer))]
        buffer[: len(part)] = part
        return len(part)

    def fill(self, target: Target) -> Reader | None:  # noqa: ARG002 (none is filled)
        return None


def file_of(content: bytes, *, hashed: bool = True) -> ManifestFile:
    return manifest_of({SPECTRO: content}, hashed=hashed)[0]


def copy(source: Cut, folder: Path, file: ManifestFile) -> None:
    Copying(source=source, folder=folder, overwrite=True, progress=Progress(None)).copy(file, Turn(Semaphore()))


def leftovers(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if path.name.endswith(".part")]


def cut(folder: Path, content: bytes, at: int, *, hashed: bool = True) -> None:
    with pytest.raises(SourceUnreachable, match="was cut"):
        copy(Cut(content, at), folder, file_of(content, hashed=hashed))


def test_only_the_rest_is_read(tmp_path: Path) -> None:
    cut(tmp_path, CONTENT, SMALL + 5)
    assert leftovers(tmp_path) == [CONTENT[: SMALL + 5]]
    source = Cut(CONTENT)
    copy(source, tmp_path, file_of(CONTENT))
    assert min(source.offsets) == SMALL + 5
    assert contents(tmp_path) == {SPECTRO: CONTENT}


@given(at=st.integers(SMALL + 1, len(CONTENT)), again=st.integers(SMALL + 1, len(CONTENT)))
def test_wherever_it_is_cut_and_however_often_the_bytes_are_right(
    tmp_path_factory: pytest.TempPathFactory, at: int, again: int
) -> None:
    folder = tmp_path_factory.mktemp("qlf")
    for breaks_at in sorted({at, again} - {len(CONTENT)}):
        cut(folder, CONTENT, breaks_at)
    copy(Cut(CONTENT), folder, file_of(CONTENT))
    assert contents(folder) == {SPECTRO: CONTENT}


def test_what_is_kept_is_never_the_beginning_of_another_content(tmp_path: Path) -> None:
    other = bytes(len(CONTENT))
    cut(tmp_path, other, SMALL + 5)
    source = Cut(CONTENT)
    copy(source, tmp_path, file_of(CONTENT))
    assert min(source.offsets) == 0
    assert (tmp_path / SPECTRO).read_bytes() == CONTENT


def test_a_leftover_that_was_damaged_costs_a_copy_from_scratch(tmp_path: Path) -> None:
    cut(tmp_path, CONTENT, SMALL + 5)
    [left] = tmp_path.glob(".*.part")
    left.write_bytes(bytes(SMALL + 5))
    source = Cut(CONTENT)
    copy(source, tmp_path, file_of(CONTENT))
    assert 0 in source.offsets
    assert contents(tmp_path) == {SPECTRO: CONTENT}


def test_without_a_checksum_nothing_is_kept_since_nothing_would_tell_whether_it_fits(tmp_path: Path) -> None:
    cut(tmp_path, CONTENT, SMALL + 5, hashed=False)
    assert contents(tmp_path) == {}


def test_a_full_disk_is_given_its_room_back(tmp_path: Path) -> None:
    with pytest.raises(NoSpace):
        copy(Cut(CONTENT, SMALL + 5, NoSpace("the disk is full")), tmp_path, file_of(CONTENT))
    assert contents(tmp_path) == {}


def test_a_copy_that_is_wrong_is_not_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(Mismatch):
        copy(Cut(bytes(len(CONTENT))), tmp_path, file_of(CONTENT))
    assert contents(tmp_path) == {}


def test_the_next_fetch_of_other_files_leaves_no_leftover(tmp_path: Path) -> None:
    (tmp_path / "qlf").mkdir()
    cut(tmp_path / "qlf", bytes(len(CONTENT)), SMALL + 5)
    fetch_all(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


class WrittenTwice(Cut):
    """A source whose program writes other bytes behind what has been read already."""

    fills_at_once = False

    def fill(self, target: Target) -> Reader:
        os.pwrite(target.descriptor, self._content, 0)

        def read(buffer: memoryview, offset: int) -> int:
            count = target.read_into(buffer, offset)
            if not count:
                os.pwrite(target.descriptor, b"other bytes", 0)
            return count

        return read


def test_what_is_written_again_behind_what_was_read_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="has SHA-256"):
        copy(WrittenTwice(CONTENT), tmp_path, file_of(CONTENT))
    assert contents(tmp_path) == {}


def test_an_exposure_that_has_no_files_any_more_leaves_no_leftover(tmp_path: Path) -> None:
    cut(tmp_path, CONTENT, SMALL + 5)
    fetch_all(exposure_at(tmp_path, ()), tmp_path)
    assert contents(tmp_path) == {}


def test_what_is_held_counts_as_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(tmp_path, CONTENT, SMALL + 5)
    rest = len(CONTENT) - SMALL - 5
    asked: list[int] = []
    monkeypatch.setattr(
        "exposure_subscriber.fetch.destination.require_room", lambda _folder, needed: asked.append(needed)
    )
    write(tmp_path / "ics", {SPECTRO: CONTENT})
    fetch_all(exposure_at(tmp_path / "ics", (file_of(CONTENT),)), tmp_path)
    assert asked == [rest]
    assert sha256((tmp_path / SPECTRO).read_bytes()) == sha256(CONTENT)


def test_a_local_source_is_gone_on_with_too(tmp_path: Path) -> None:
    cut(tmp_path, CONTENT, SMALL + 5)
    write(tmp_path / "ics", {SPECTRO: CONTENT})
    with LocalSource(Location(text=str(tmp_path / "ics"))) as source:
        copying = Copying(source=source, folder=tmp_path, overwrite=True, progress=Progress(None))
        copying.copy(file_of(CONTENT), Turn(Semaphore()))
    assert (tmp_path / SPECTRO).read_bytes() == CONTENT
