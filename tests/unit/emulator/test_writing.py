"""Files onto the disk: whole or not at all, and not twice."""

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exposure_emulator.errors import EmulatorError
from exposure_emulator.raw import RawFile
from exposure_emulator.writing import Abandoned, write_exposure

FILES = [RawFile("desi-00000007.fits.fz", lambda: [b"pix", b"els"]), RawFile("request-00000007.json", lambda: [b"{}"])]


def never() -> bool:
    return False


def test_the_checksums_cover_every_other_file_in_the_form_of_sha256sum(tmp_path: Path) -> None:
    folder = tmp_path / "20230913" / "00000007"
    written = write_exposure(folder, 7, FILES, never)
    sums = {"desi-00000007.fits.fz": b"pixels", "request-00000007.json": b"{}"}
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sums.items())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        **sums,
        "checksum-00000007.sha256sum": lines.encode(),
    }
    assert (written.files, written.size, written.changed) == (3, 8 + len(lines), True)


def test_an_exposure_without_files_leaves_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "night" / "00000007"
    written = write_exposure(folder, 7, [], never)
    assert (written.files, written.size, written.changed) == (0, 0, True)
    assert list(folder.iterdir()) == []
    assert not write_exposure(folder, 7, [], never).changed


def test_files_that_are_there_with_the_same_bytes_are_left_alone(tmp_path: Path) -> None:
    write_exposure(tmp_path, 7, FILES, never)
    before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    assert not write_exposure(tmp_path, 7, FILES, never).changed
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("other", [b"pixelz", b"pixel", b"pixels ", b""])
def test_a_file_with_other_bytes_is_replaced(tmp_path: Path, other: bytes) -> None:
    write_exposure(tmp_path, 7, FILES, never)
    (tmp_path / "desi-00000007.fits.fz").write_bytes(other)
    assert write_exposure(tmp_path, 7, FILES, never).changed
    assert (tmp_path / "desi-00000007.fits.fz").read_bytes() == b"pixels"


def test_what_is_left_of_a_killed_writer_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / ".desi-00000007.fits.fz.part").write_bytes(b"pi")
    write_exposure(tmp_path, 7, FILES, never)
    assert not list(tmp_path.glob(".*"))


def test_a_file_stands_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    def watched() -> Iterator[bytes]:
        yield b"first"
        assert not (tmp_path / "sky.fits").exists()
        yield b"last"

    write_exposure(tmp_path, 7, [RawFile("sky.fits", watched)], never)
    assert (tmp_path / "sky.fits").read_bytes() == b"firstlast"


def test_a_writer_that_is_stopped_leaves_whole_files_and_no_checksums(tmp_path: Path) -> None:
    with pytest.raises(Abandoned):
        write_exposure(tmp_path, 7, FILES, iter([False, False, True]).__next__)
    assert [path.name for path in tmp_path.iterdir()] == ["desi-00000007.fits.fz"]


def test_every_file_and_its_folder_are_flushed_before_the_exposure_is_said_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_exposure(tmp_path / "20230913" / "00000007", 7, FILES, never)
    assert flushed == [
        ".desi-00000007.fits.fz.part",
        ".request-00000007.json.part",
        ".checksum-00000007.sha256sum.part",
        "00000007",
        "20230913",
        tmp_path.name,
    ]


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    def full() -> Iterator[bytes]:
        yield b"first"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EmulatorError, match="No space left on device"):
        write_exposure(tmp_path, 7, [RawFile("sky.fits", full)], never)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmulatorError, match=f"cannot write {tmp_path}/file/20230913"):
        write_exposure(tmp_path / "file" / "20230913", 7, FILES, never)
