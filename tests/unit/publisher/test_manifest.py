"""The manifest of an exposure: which of the files on disk it lists, and what it knows of them."""

import logging
from pathlib import Path
from typing import Any

import pytest

from exposure_publisher.manifest import list_files
from exposure_schemas import Manifest

EXPID = 195972
SPECTRO = "desi-00195972.fits.fz"
SUM = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "20230913" / "00195972"
    made.mkdir(parents=True)
    return made


def listed(folder: Path | str | bytes | None, **values: Any) -> Manifest | None:
    row = {"expid": EXPID, "night": 20230913, "data_written": True, "data_location": folder} | values
    return list_files(row | {"data_location": str(folder) if isinstance(folder, Path) else folder})


def names(files: Manifest | None) -> list[str]:
    assert files is not None
    return [file.name for file in files]


def test_files_of_known_classes_are_listed_by_name_with_class_and_size(folder: Path) -> None:
    (folder / SPECTRO).write_bytes(b"12345")
    (folder / "fibermap-00195972.fits").write_bytes(b"")
    files = listed(folder)
    assert files is not None
    assert [(file.name, file.file_class, file.size, file.sha256) for file in files] == [
        (SPECTRO, "spectro", 5, None),
        ("fibermap-00195972.fits", "fibermap", 0, None),
    ]


def test_strays_folders_links_and_other_exposures_files_are_left_out(folder: Path) -> None:
    (folder / SPECTRO).touch()
    for stray in ("desi-00195972.fits.fz.part", "desi-00195972.fits.orig", "notes.txt", "desi-00195971.fits.fz"):
        (folder / stray).touch()
    (folder / "sky-00195972.fits.fz").mkdir()
    (folder / "pm-00195972.fits").symlink_to(folder / SPECTRO)
    assert names(listed(folder)) == [SPECTRO]


@pytest.mark.parametrize("checksums", ["checksum-00195972.sha256sum", "checksum-20230913-00195972.sha256sum"])
def test_checksums_come_from_the_exposures_own_file_of_either_era(checksums: str, folder: Path) -> None:
    (folder / SPECTRO).touch()
    (folder / "extra.log").touch()
    (folder / checksums).write_text(f"{SUM}  {SPECTRO}\n{SUM.upper()} *extra.log\n")
    files = listed(folder)
    assert files is not None
    assert {file.name: (file.file_class, file.sha256) for file in files} == {
        SPECTRO: ("spectro", SUM),
        "extra.log": (None, SUM),
        checksums: ("checksum", None),
    }


def test_a_file_that_only_the_checksum_file_knows_is_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "checksum-00195972.sha256sum").write_text(f"{SUM}  {SPECTRO}\n")
    assert names(listed(folder)) == ["checksum-00195972.sha256sum"]
    assert f"exposure 195972: its checksum file lists '{SPECTRO}', which is not in {folder}" in caplog.text


def test_an_exposure_without_files_has_an_empty_manifest(folder: Path) -> None:
    assert listed(folder) == ()


@pytest.mark.parametrize(
    "values",
    [{"data_written": False}, {"data_written": 0}, {"data_written": "false"}, {"data_written": None}],
)
def test_nothing_is_listed_while_data_are_not_written(values: dict[str, Any], folder: Path) -> None:
    (folder / SPECTRO).touch()
    assert listed(folder, **values) is None
    assert names(listed(folder, data_written=1)) == [SPECTRO], "SQLite's true"


@pytest.mark.parametrize(
    "location", [None, "", "relative/folder", "rsync://host/raw", "https://host/raw/195972", b"/bytes"]
)
def test_a_location_that_is_no_path_of_this_host_has_no_manifest(
    location: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert listed(location) is None
    assert caplog.text == "", "it is no mistake"


@pytest.mark.parametrize("location", ["/absent/20230913/00195972", "/dev/null", "/with\0nul", "/" + "x" * 300])
def test_a_location_that_cannot_be_read_has_no_manifest_and_is_said(
    location: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert listed(location) is None
    assert "exposure 195972: cannot list the files in /" in caplog.text


def test_a_file_whose_name_no_message_may_carry_is_left_out_and_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / SPECTRO).touch()
    (folder / "a\nb").touch()
    (folder / "checksum-00195972.sha256sum").write_text(f"\\{SUM}  a\\nb\n")
    assert names(listed(folder)) == ["checksum-00195972.sha256sum", SPECTRO]
    assert r"a file named 'a\nb' cannot be listed" in caplog.text
