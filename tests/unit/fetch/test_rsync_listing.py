"""What rsync prints of a folder, read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_subscriber.fetch.rsync.listing import Entry, read_listing

LISTING = """\
drwxr-xr-x          4,096 2026/11/22 22:31:22 .
-rw-r--r--     30,000,000 2026/11/22 22:31:22 desi-00012345.fits.fz
-rw-r--r--              3 1969/12/31 23:59:59 etc-00012345.json
lrwxrwxrwx              5 2026/11/22 22:31:22 link
-rw-r--r--+ 1234567890123 2026/11/22 22:31:22 with-acl
drwxr-xr-x           4096 2026/11/22 22:31:22 folder
"""


def test_sizes_times_and_kinds_are_read() -> None:
    modified = int(datetime(2026, 11, 22, 22, 31, 22, tzinfo=UTC).timestamp())
    assert read_listing(LISTING) == {
        "desi-00012345.fits.fz": Entry(type="-", size=30_000_000, modified=modified),
        "etc-00012345.json": Entry(type="-", size=3, modified=-1),
        "link": Entry(type="l", size=5, modified=modified),
        "with-acl": Entry(type="-", size=1_234_567_890_123, modified=modified),
        "folder": Entry(type="d", size=4096, modified=modified),
    }


@pytest.mark.parametrize(
    "name", [" leading", "odd name", r"new\#012line", r"\#303\#274ber", "link -> target", "-rf", ".hidden", ".."]
)
def test_a_name_that_is_not_asked_for_is_passed_over(name: str) -> None:
    assert read_listing(f"-rw-r--r--              0 2026/11/22 22:31:22 {name}\n") == {}


@given(st.text())
def test_whatever_is_printed_is_read_without_an_error(text: str) -> None:
    read_listing(f"-rw-r--r--  0 {text}\n{text}")


def test_a_time_that_is_none_is_passed_over() -> None:
    assert read_listing("-rw-r--r--  0 2026/99/99 22:31:22 name\n") == {}
