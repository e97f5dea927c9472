"""The manifest of an exposure: which of the files on disk it lists, and what it knows of them."""

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from tests.listing_files import listing_of

from exposure_publisher.manifest import Listing, location_of
from exposure_schemas import Manifest

EXPID = 195972
SPECTRO = "desi-00195972.fits.fz"
CHECKSUMS = "checksum-00195972.sha256sum"
SUM = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "20230913" / "00195972"
    made.mkdir(parents=True)
    return made


def row_of(location: Any, **values: Any) -> dict[str, Any]:
    row = {"expid": EXPID, "night": 20230913, "data_written": True}
    return row | {"data_location": str(location) if isinstance(location, Path) else location} | values


def listed(folder: Any, *, checksums: bool = True) -> Listing:
    return listing_of(row_of(folder), checksums=checksums)


def files_of(listing: Listing) -> Manifest:
    assert listing.complete
    assert listing.listed is not None
    return listing.listed.files


def names(listing: Listing) -> list[str]:
    return [file.name for file in files_of(listing)]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_files_of_known_classes_are_listed_by_name_with_class_size_and_checksum(folder: Path) -> None:
    (folder / SPECTRO).write_bytes(b"12345")
    (folder / "fibermap-00195972.fits").write_bytes(b"")
    assert [(file.name, file.file_class, file.size, file.sha256) for file in files_of(listed(folder))] == [
        (SPECTRO, "spectro", 5, sha256(b"12345")),
        ("fibermap-00195972.fits", "fibermap", 0, sha256(b"")),
    ]


def test_strays_folders_links_and_other_exposures_files_are_left_out(folder: Path) -> None:
    (folder / SPECTRO).touch()
    for stray in ("desi-00195972.fits.fz.part", "desi-00195972.fits.orig", "notes.txt", "desi-00195971.fits.fz"):
        (folder / stray).touch()
    (folder / "sky-00195972.fits.fz").mkdir()
    (folder / "pm-00195972.fits").symlink_to(folder / SPECTRO)
    assert names(listed(folder)) == [SPECTRO]


@pytest.mark.parametrize("checksums", [CHECKSUMS, "checksum-20230913-00195972.sha256sum"])
def test_checksums_come_from_the_exposures_own_file_of_either_era(checksums: str, folder: Path) -> None:
    """What it says of a file is announced, true or not: whoever fetches the file finds out."""
    (folder / SPECTRO).touch()
    (folder / "extra.log").touch()
    (folder / "etc-00195972.json").write_bytes(b"{}")
    text = f"{SUM}  {SPECTRO}\n{SUM.upper()} *extra.log\n"
    (folder / checksums).write_text(text)
    assert {file.name: (file.file_class, file.sha256) for file in files_of(listed(folder))} == {
        SPECTRO: ("spectro", SUM),
        "extra.log": (None, SUM),
        "etc-00195972.json": ("etc", sha256(b"{}")),
        checksums: ("checksum", sha256(text.encode())),
    }


def test_of_two_checksum_files_that_of_todays_name_counts(folder: Path) -> None:
    (folder / SPECTRO).touch()
    (folder / CHECKSUMS).write_text(f"{SUM}  {SPECTRO}\n")
    (folder / "checksum-20230913-00195972.sha256sum").write_text(f"{SUM[::-1]}  {SPECTRO}\n")
    assert files_of(listed(folder))[-1].sha256 == SUM


def test_without_computing_a_file_has_the_checksum_of_the_checksum_file_or_none(folder: Path) -> None:
    (folder / SPECTRO).touch()
    (folder / "etc-00195972.json").touch()
    (folder / CHECKSUMS).write_text(f"{SUM}  {SPECTRO}\n")
    found = {file.name: file.sha256 for file in files_of(listed(folder, checksums=False))}
    assert found == {SPECTRO: SUM, "etc-00195972.json": None, CHECKSUMS: None}


def test_a_file_that_only_the_checksum_file_knows_is_missing(folder: Path) -> None:
    (folder / "etc-00195972.json").touch()
    (folder / CHECKSUMS).write_text(f"{SUM}  {SPECTRO}\n{SUM}  etc-00195972.json\n{SUM}  a.log\n")
    found = listed(folder)
    assert (found.complete, found.missing) == (False, ("a.log", SPECTRO))


def test_names_that_no_manifest_can_hold_are_said_and_not_waited_for(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "linked.log").symlink_to("/dev/null")
    (folder / CHECKSUMS).write_text("".join(f"{SUM}  {name}\n" for name in ("sub/a.log", "/b.log", "-", "linked.log")))
    assert names(listed(folder)) == [CHECKSUMS]
    for name in ("sub/a.log", "/b.log", "-", "linked.log"):
        assert f"exposure 195972: its checksum file lists '{name}', which is no file of {folder}" in caplog.text


def test_an_exposure_without_files_has_an_empty_manifest(folder: Path) -> None:
    assert files_of(listed(folder)) == ()


@pytest.mark.parametrize("values", [{"data_written": written} for written in (False, 0, "false", None)])
def test_nothing_is_listed_while_data_are_not_written(values: dict[str, Any], folder: Path) -> None:
    assert location_of(row_of(folder, **values)) is None
    assert location_of(row_of(folder, data_written=1)) == folder, "SQLite's true"


@pytest.mark.parametrize(
    "location", [None, "", "relative/folder", "rsync://host/raw", "https://host/raw/195972", b"/bytes"]
)
def test_a_location_that_is_no_path_of_this_host_has_nothing_to_list(location: Any) -> None:
    assert location_of(row_of(location)) is None


@pytest.mark.parametrize("location", ["/absent/20230913/00195972", "/dev/null", "/with\0nul", "/" + "x" * 300])
def test_a_location_that_cannot_be_read_has_no_manifest_and_is_said(
    location: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = listed(location)
    assert (found.listed, found.complete) == (None, True)
    assert "exposure 195972: cannot list the files in /" in caplog.text


def test_a_checksum_file_that_is_no_text_leaves_no_manifest_and_is_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / CHECKSUMS).write_bytes(b"\xff\xfe")
    assert listed(folder).listed is None
    assert f"exposure 195972: cannot list the files in {folder}" in caplog.text


def test_a_file_whose_name_no_message_may_carry_is_left_out_and_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / SPECTRO).touch()
    (folder / "a\nb").touch()
    (folder / CHECKSUMS).write_text(f"\\{SUM}  a\\nb\n")
    assert names(listed(folder)) == [CHECKSUMS, SPECTRO]
    assert r"a file named 'a\nb' cannot be listed" in caplog.text


def test_what_nobody_foresaw_leaves_no_manifest_and_is_said_in_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr("exposure_publisher.manifest.job.look_into", None)
    found = listed(folder)
    assert (found.listed, found.complete) == (None, True)
    assert "exposure 195972: it is announced without a manifest" in caplog.text
    assert "TypeError" in caplog.text


def test_a_checksum_file_that_lists_itself_does_not_know_its_own_checksum(folder: Path) -> None:
    text = f"{SUM}  {CHECKSUMS}\n"
    (folder / CHECKSUMS).write_text(text)
    (file,) = files_of(listed(folder))
    assert file.sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("kind", ["pipe", "link", "large"])
def test_what_is_no_checksum_file_is_never_waited_for_nor_read_whole(kind: str, folder: Path) -> None:
    path = folder / CHECKSUMS
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(2**31)
    assert listed(folder) == Listing(listed=None)
