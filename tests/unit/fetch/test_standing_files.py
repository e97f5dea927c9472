"""What stands at the destination already: kept, replaced, or in the way."""

import os
from pathlib import Path

import pytest
from tests.unit.fetch.examples import ETC, FIBERMAP, FILES, SPECTRO, contents, fetch, sha256, write, written

from exposure_subscriber.errors import FetchError, FileDiffers

SAME_SIZE = bytes(len(FILES[SPECTRO]))


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_that_is_the_same_is_kept_and_counted(overwrite: bool, tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    fetch(exposure, tmp_path / "qlf")
    before = inodes(tmp_path / "qlf")
    done: list[int] = []
    found = fetch(exposure, tmp_path / "qlf", overwrite=overwrite, progress=done.append)
    assert inodes(tmp_path / "qlf") == before
    assert sum(done) == sum(map(len, FILES.values()))
    assert {file.name: file.sha256 for file in found.files} == {name: sha256(FILES[name]) for name in FILES}


@pytest.mark.parametrize("content", [b"another size", SAME_SIZE])
def test_a_file_that_differs_is_replaced_if_that_is_allowed(content: bytes, tmp_path: Path) -> None:
    write(tmp_path / "qlf", {SPECTRO: content})
    done: list[int] = []
    fetch(written(tmp_path / "ics"), tmp_path / "qlf", progress=done.append)
    assert contents(tmp_path / "qlf") == FILES
    assert sum(done) == sum(map(len, FILES.values()))


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("content", [b"another size", SAME_SIZE])
def test_a_file_that_differs_is_otherwise_named_and_nothing_is_touched(
    hashed: bool, content: bytes, tmp_path: Path
) -> None:
    write(tmp_path / "qlf", {SPECTRO: content})
    with pytest.raises(FileDiffers, match=rf"qlf/{SPECTRO} differs from the file in {tmp_path}/ics, and overwriting"):
        fetch(written(tmp_path / "ics", hashed=hashed), tmp_path / "qlf", overwrite=False)
    assert contents(tmp_path / "qlf") == {SPECTRO: content}


def test_without_a_checksum_the_bytes_decide_whether_a_file_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "qlf", {SPECTRO: FILES[SPECTRO]})
    before = inodes(tmp_path / "qlf")
    found = fetch(written(tmp_path / "ics", hashed=False), tmp_path / "qlf", overwrite=False)
    assert inodes(tmp_path / "qlf")[SPECTRO] == before[SPECTRO]
    assert {file.name: file.sha256 for file in found.files} == {name: sha256(FILES[name]) for name in FILES}


def test_without_a_checksum_a_file_is_copied_again_if_that_is_allowed(tmp_path: Path) -> None:
    write(tmp_path / "qlf", {SPECTRO: SAME_SIZE})
    fetch(written(tmp_path / "ics", hashed=False), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


@pytest.mark.parametrize("content", [FILES[SPECTRO], b"precious"])
def test_a_symbolic_link_is_replaced_and_never_followed(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(content)
    (tmp_path / "qlf").mkdir()
    (tmp_path / "qlf" / SPECTRO).symlink_to(tmp_path / "elsewhere")
    exposure = written(tmp_path / "ics")
    with pytest.raises(FileDiffers):
        fetch(exposure, tmp_path / "qlf", overwrite=False)
    fetch(exposure, tmp_path / "qlf")
    assert not (tmp_path / "qlf" / SPECTRO).is_symlink()
    assert contents(tmp_path / "qlf") == FILES
    assert (tmp_path / "elsewhere").read_bytes() == content


def test_a_named_pipe_is_no_empty_file(tmp_path: Path) -> None:
    (tmp_path / "qlf").mkdir()
    os.mkfifo(tmp_path / "qlf" / SPECTRO)
    fetch(written(tmp_path / "ics", {SPECTRO: b""}), tmp_path / "qlf")
    assert (tmp_path / "qlf" / SPECTRO).is_file()


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_in_the_way_is_named_before_anything_is_copied(overwrite: bool, tmp_path: Path) -> None:
    (tmp_path / "qlf" / SPECTRO).mkdir(parents=True)
    with pytest.raises(FetchError, match=rf"a folder stands at {tmp_path}/qlf/{SPECTRO}"):
        fetch(written(tmp_path / "ics"), tmp_path / "qlf", overwrite=overwrite)
    assert [path.name for path in (tmp_path / "qlf").iterdir()] == [SPECTRO]


@pytest.mark.parametrize("content", [b"somebody else's", FILES[FIBERMAP]])
def test_a_file_that_appears_meanwhile_is_kept_or_complained_about_but_not_overwritten(
    content: bytes, tmp_path: Path
) -> None:
    exposure = written(tmp_path / "ics", {FIBERMAP: FILES[FIBERMAP]})
    done: list[int] = []

    def appear(count: int) -> None:
        done.append(count)
        write(tmp_path / "qlf", {FIBERMAP: content})

    if content == FILES[FIBERMAP]:
        fetch(exposure, tmp_path / "qlf", overwrite=False, progress=appear)
    else:
        with pytest.raises(FileDiffers):
            fetch(exposure, tmp_path / "qlf", overwrite=False, progress=appear)
    assert contents(tmp_path / "qlf") == {FIBERMAP: content}
    assert sum(done) == len(FILES[FIBERMAP])


def test_other_files_at_the_destination_are_left_alone(tmp_path: Path) -> None:
    others = {"notes.txt": b"mine", ".desi.1.part": b"mine too", f".{ETC}.part": b"and mine"}
    write(tmp_path / "qlf", others)
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {**FILES, **others}
