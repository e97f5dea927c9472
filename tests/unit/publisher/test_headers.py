"""FITS headers beside the exposureDB: what is at odds is said, and nothing is held up by it."""

import gzip
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from tests.listing_files import listing_of

from exposure_bus.errors import BusError
from exposure_publisher.manifest import Listing
from exposure_publisher.manifest.headers import require_astropy

EXPID, NIGHT = 7, 20230913
SPECTRO, GFA, SKY = "desi-00000007.fits.fz", "gfa-00000007.fits.fz", "sky-00000007.fits"

Log = pytest.LogCaptureFixture


def listed(folder: Path, *, headers: bool = True) -> Listing:
    row = {"expid": EXPID, "night": NIGHT, "data_written": True, "data_location": str(folder)}
    found = listing_of(row, headers=headers)
    assert found.complete
    assert found.listed is not None
    return found


def primary(**keywords: Any) -> fits.PrimaryHDU:
    unit = fits.PrimaryHDU(np.zeros((4, 4), dtype=np.int16))
    unit.header.update(keywords)
    return unit


def write_compressed(path: Path, **keywords: Any) -> None:
    """Write a file as ICS does: an empty primary header, and all that is said in the first extension."""
    image = fits.CompImageHDU(np.zeros((32, 32), dtype=np.int16), name="SPEC0")
    image.header.update(keywords)
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)


def test_headers_that_agree_are_not_spoken_of(tmp_path: Path, caplog: Log) -> None:
    write_compressed(tmp_path / SPECTRO, NIGHT=NIGHT, EXPID=EXPID)
    primary(NIGHT=str(NIGHT), EXPID="00000007").writeto(tmp_path / SKY)
    (tmp_path / "fiberassign-001234.fits.gz").write_bytes(gzip_of(tmp_path / SKY))
    primary().writeto(tmp_path / "pm-00000007.fits")  # without the keywords
    (tmp_path / "etc-00000007.json").write_text("{}")
    listed(tmp_path)
    assert caplog.text == ""


def gzip_of(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


def test_a_header_at_odds_with_the_exposuredb_is_said_with_both_values(tmp_path: Path, caplog: Log) -> None:
    write_compressed(tmp_path / SPECTRO, NIGHT=20230914, EXPID=EXPID)
    primary(NIGHT=NIGHT, EXPID=8).writeto(tmp_path / SKY)
    (tmp_path / "fiberassign-001234.fits.gz").write_bytes(gzip_of(tmp_path / SKY))
    primary(NIGHT="tonight").writeto(tmp_path / "pm-00000007.fits")
    found = listed(tmp_path)
    assert found.listed is not None
    assert len(found.listed.files) == 4, "announced all the same"
    assert sorted(record.getMessage() for record in caplog.records) == [
        f"exposure 7: {SPECTRO}: its header has NIGHT = 20230914, the exposureDB 20230913",
        "exposure 7: fiberassign-001234.fits.gz: its header has EXPID = 8, the exposureDB 7",
        "exposure 7: pm-00000007.fits: its header has NIGHT = 'tonight', the exposureDB 20230913",
        f"exposure 7: {SKY}: its header has EXPID = 8, the exposureDB 7",
    ]


def test_the_primary_header_counts_before_that_of_the_first_extension(tmp_path: Path, caplog: Log) -> None:
    second = fits.ImageHDU(np.zeros(4))
    second.header.update(NIGHT=1, EXPID=8)
    fits.HDUList([primary(NIGHT=NIGHT), second]).writeto(tmp_path / SKY)
    listed(tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        f"exposure 7: {SKY}: its header has EXPID = 8, the exposureDB 7"
    ]


@pytest.mark.parametrize("content", [b"", b"no FITS at all", b"SIMPLE  =                    T", b"\x1f\x8b\x08broken"])
@pytest.mark.parametrize("name", [SPECTRO, SKY, "fiberassign-001234.fits.gz"])
def test_a_header_that_cannot_be_read_is_said(name: str, content: bytes, tmp_path: Path, caplog: Log) -> None:
    (tmp_path / name).write_bytes(content)
    primary(EXPID=9).writeto(tmp_path / GFA)
    listed(tmp_path)
    assert f"exposure 7: {name}: its header cannot be read: " in caplog.text
    assert f"exposure 7: {GFA}: its header has EXPID = 9" in caplog.text, "the others are looked at"


def test_headers_are_read_only_if_that_is_asked_for(tmp_path: Path, caplog: Log) -> None:
    (tmp_path / SKY).write_bytes(b"no FITS at all")
    listed(tmp_path, headers=False)
    assert caplog.text == ""


def test_without_astropy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_astropy()
    monkeypatch.setitem(sys.modules, "astropy.io.fits", None)
    with pytest.raises(BusError, match=r"--check-headers needs astropy: pip install 'exposure-bus\[headers\]'"):
        require_astropy()
