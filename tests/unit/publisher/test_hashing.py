"""Checksums that the publisher computes: right, not twice, and never of a file that is changing."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.listing_files import listing_of

from exposure_publisher.errors import FileChanged
from exposure_publisher.ledger.rows import listed_of, listed_texts
from exposure_publisher.manifest import Listed, Listing, hashing
from exposure_publisher.manifest.hashing import BLOCK, Reader
from exposure_publisher.manifest.stamp import stamp_of

ROW = {"expid": 7, "night": 20230913, "data_written": True}
SPECTRO, SKY, ETC = "desi-00000007.fits.fz", "sky-00000007.fits.fz", "etc-00000007.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (SPECTRO, SKY, ETC):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read to be hashed, as it happens."""
    names: list[str] = []
    original = Reader.sha256

    def spy(self: Reader, path: Path, stamp: Any) -> str:
        names.append(path.name)
        return original(self, path, stamp)

    monkeypatch.setattr(Reader, "sha256", spy)
    return names


def listing(folder: Path, kept: Listed | None = None) -> Listing:
    return listing_of(ROW | {"data_location": str(folder)}, kept)


def listed(folder: Path, kept: Listed | None = None) -> Listed:
    """List a folder, and keep that in a ledger and take it out again, as between two runs of the relay."""
    found = listing(folder, kept)
    assert found.complete
    again = listed_of(*listed_texts(found.listed))
    assert again == found.listed
    assert again is not None
    return again


def sums(found: Listed) -> dict[str, str | None]:
    return {file.name: file.sha256 for file in found.files}


def true_sums(folder: Path) -> dict[str, str | None]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
def test_a_checksum_is_that_of_the_whole_file(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    reader = Reader(lambda: True)
    for _ in range(2):  # the buffer is used again
        found = reader.sha256(path, stamp_of(path.stat()))
        assert found == hashlib.sha256(path.read_bytes()).hexdigest()


def test_large_and_small_files_of_an_exposure_are_all_hashed(folder: Path) -> None:
    for number, file_class in enumerate(("gfa", "fvc", "focus", "guide")):
        (folder / f"{file_class}-00000007.fits.fz").write_bytes(os.urandom(BLOCK * number + 1))
    assert sums(listed(folder)) == true_sums(folder)


def test_a_file_is_hashed_once_and_again_only_if_it_changed(folder: Path, read: list[str]) -> None:
    first = listed(folder)
    assert sorted(read) == sorted([SPECTRO, SKY, ETC])
    read.clear()
    assert listed(folder, first) == first
    assert read == []
    (folder / SKY).write_bytes(b"replaced")
    second = listed(folder, first)
    assert read == [SKY]
    assert sums(second) == true_sums(folder)


def test_another_file_of_the_same_size_and_time_is_hashed_again(folder: Path, read: list[str]) -> None:
    first = listed(folder)
    read.clear()
    before = (folder / SKY).stat()
    (folder / "new").write_bytes(SKY.encode()[::-1])
    os.utime(folder / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / "new").rename(folder / SKY)
    assert sums(listed(folder, first)) == true_sums(folder)
    assert read == [SKY]


def test_a_file_that_was_rewritten_and_got_its_old_time_back_is_hashed_again(folder: Path, read: list[str]) -> None:
    first = listed(folder)
    read.clear()
    before = (folder / SKY).stat()
    (folder / SKY).write_bytes(SKY.encode()[::-1])
    os.utime(folder / SKY, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sums(listed(folder, first)) == true_sums(folder)
    assert read == [SKY]


def test_what_the_checksum_file_has_is_not_hashed_and_what_it_has_no_more_is(folder: Path, read: list[str]) -> None:
    checksums = folder / "checksum-00000007.sha256sum"
    checksums.write_text(f"{'0' * 64}  {SPECTRO}\n{'1' * 64}  {SKY}\n{'2' * 64}  {ETC}\n")
    first = listed(folder)
    assert read == [checksums.name]
    assert sums(first)[SKY] == "1" * 64
    checksums.unlink()
    assert sums(listed(folder, first)) == true_sums(folder), "what a checksum file once said is not taken for computed"


changes = st.dictionaries(st.sampled_from([SPECTRO, SKY, ETC]), st.one_of(st.none(), st.binary(max_size=40)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(changes, min_size=1, max_size=4))
def test_checksums_are_true_whatever_is_replaced_removed_or_left(
    rounds: list[dict[str, bytes | None]], folder: Path
) -> None:
    kept = None
    for changed in rounds:
        for name, content in changed.items():
            if content is None:
                (folder / name).unlink(missing_ok=True)
            else:
                (folder / f"{name}.new").write_bytes(content)
                (folder / f"{name}.new").rename(folder / name)
        kept = listed(folder, kept)
        assert sums(kept) == true_sums(folder)


def meddle(monkeypatch: pytest.MonkeyPatch, name: str, change: Any) -> None:
    """Change a file once, while it is being read."""
    done: list[str] = []
    original = Reader._read

    def read(self: Reader, path: Path) -> str:
        found = original(self, path)
        if path.name == name and not done:
            done.append(name)
            change(path)
        return found

    monkeypatch.setattr(hashing.Reader, "_read", read)


@pytest.mark.parametrize("change", ["grows", "is replaced", "goes"])
def test_a_file_that_changes_while_it_is_hashed_is_not_listed_as_it_was(
    change: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grow(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    def replace(path: Path) -> None:
        (folder / "new").write_bytes(path.read_bytes())
        (folder / "new").rename(path)

    meddle(monkeypatch, SKY, {"grows": grow, "is replaced": replace, "goes": Path.unlink}[change])
    found = listing(folder)
    assert (found.complete, found.changing) == (False, (SKY,))
    assert sums(listed(folder, found.listed)) == true_sums(folder)


def test_what_was_hashed_beside_a_changing_file_is_not_hashed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    meddle(monkeypatch, SKY, Path.touch)
    found = listing(folder)
    assert found.changing == (SKY,)
    read.clear()
    listed(folder, found.listed)
    assert read == [SKY]


def test_a_file_that_cannot_be_read_is_listed_without_a_checksum_and_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_path: Path) -> None:
        raise OSError(5, "Input/output error")

    meddle(monkeypatch, SKY, broken)
    assert sums(listed(folder)) == true_sums(folder) | {SKY: None}
    assert f"exposure 7: {SKY} is announced without a checksum: [Errno 5] Input/output error" in caplog.text


def test_a_file_that_nobody_wants_any_more_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(10 * BLOCK))
    answers = iter([True, True, False, False])
    with pytest.raises(FileChanged):
        Reader(lambda: next(answers)).sha256(path, stamp_of(path.stat()))
    assert list(answers) == []
