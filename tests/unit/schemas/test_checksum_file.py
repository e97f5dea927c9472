"""Reading what ``sha256sum`` wrote, whatever the files are called."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from exposure_schemas.checksum_file import checksum_names, read_checksums
from exposure_schemas.file_classes import file_class_of

SHA = "0f" * 32


@pytest.mark.parametrize(
    "name", ["desi-00012345.fits.fz", "a b.fits", "back\\slash", "line\nfeed", "form\x0cfeed", "next\x85line", "$(id)"]
)
def test_what_coreutils_writes_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"flux")
    written = subprocess.run(["sha256sum", "--", name], cwd=tmp_path, check=True, capture_output=True).stdout
    assert read_checksums(written.decode()) == {name: hashlib.sha256(b"flux").hexdigest()}


def test_several_files_are_read_in_text_and_in_binary_mode() -> None:
    text = f"{SHA}  desi-00012345.fits.fz\n{'A1' * 32} *./sky-00012345.fits.fz\r\n"
    assert read_checksums(text) == {"desi-00012345.fits.fz": SHA, "sky-00012345.fits.fz": "a1" * 32}


@pytest.mark.parametrize(
    "line",
    ["", "# checksums", f"{SHA[:-1]}  a.fits", f"{SHA}", f"{SHA} a.fits", f"{SHA}  ", f"x{SHA}  a.fits"],
    ids=repr,
)
def test_a_line_that_is_no_checksum_is_passed_over(line: str) -> None:
    assert read_checksums(f"{line}\n{SHA}  b.fits\n") == {"b.fits": SHA}


def test_both_names_of_the_file_are_of_the_class_checksum() -> None:
    names = checksum_names(expid=12345, night=20200309)
    assert names == ("checksum-00012345.sha256sum", "checksum-20200309-00012345.sha256sum")
    assert {file_class_of(name, 12345) for name in names} == {"checksum"}
