"""A disk that is too full: said before the first byte where that can be known, and tidied up where it cannot."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fetch.examples import FILES, SPECTRO, contents, fetch, write, written

from exposure_subscriber.errors import FetchError, NoSpace
from exposure_subscriber.fetch.destination import MARGIN
from exposure_subscriber.fetch.writable import writable

TOTAL = sum(map(len, FILES.values()))


def says(monkeypatch: pytest.MonkeyPatch, free: int, *, blocks: int = 1000) -> None:
    """Let every file system say that it has so many bytes free; a full one cannot be had without rights."""
    real = os.statvfs

    def statvfs(path: Any) -> os.statvfs_result:
        fields = list(real(path))
        fields[1:5] = [1, blocks, free, free]  # frsize, blocks, bfree, bavail
        return os.statvfs_result(fields)

    monkeypatch.setattr(os, "statvfs", statvfs)


def test_too_little_room_is_told_before_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, TOTAL + MARGIN - 1)
    done: list[int] = []
    with pytest.raises(NoSpace, match=rf"has {TOTAL + MARGIN - 1:,} bytes free, {TOTAL:,} and a margin"):
        fetch(written(tmp_path / "ics"), tmp_path / "qlf", progress=done.append)
    assert done == []


def test_room_for_the_files_and_the_margin_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, TOTAL + MARGIN)
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


def test_what_stands_there_already_needs_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exposure = written(tmp_path / "ics")
    write(tmp_path / "qlf")
    says(monkeypatch, 0)
    fetch(exposure, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


def test_a_file_system_that_does_not_say_its_size_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, 0, blocks=0)
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


def test_a_disk_that_fills_up_meanwhile_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics", {SPECTRO: FILES[SPECTRO]})
    with pytest.raises(NoSpace, match=rf"cannot write {tmp_path}/qlf/{SPECTRO}: No space left on device"):
        fetch(exposure, tmp_path / "qlf", progress=lambda _count: fill_the_disk_of(tmp_path / "qlf"))
    assert contents(tmp_path / "qlf") == {}


def fill_the_disk_of(folder: Path) -> None:
    """Put /dev/full, where every write is a true ENOSPC, behind each file that is open in a folder."""
    full = os.open("/dev/full", os.O_RDWR)
    for link in list(Path("/proc/self/fd").iterdir()):
        if link.is_symlink() and link.readlink().is_relative_to(folder):
            os.dup2(full, int(link.name), inheritable=False)
    os.close(full)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EROFS, FetchError)]
)
def test_a_full_disk_and_a_used_up_quota_are_no_space_and_the_rest_is_named(
    number: int, kind: type[FetchError], tmp_path: Path
) -> None:
    with pytest.raises(FetchError, match=os.strerror(number)) as caught, writable(tmp_path / SPECTRO):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is kind
