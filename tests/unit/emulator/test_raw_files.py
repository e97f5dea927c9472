"""The raw files of an emulated exposure: what DESI's data model says, read by astropy."""

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.raw import LEAST, Noise, raw_files
from exposure_emulator.raw.cards import card
from exposure_emulator.raw.hdus import image_hdu, primary_hdu
from exposure_emulator.raw.images import CCDS
from exposure_schemas import file_class_of

NOISE = Noise(0)
SCIENCE = TakenExposure(
    expid=196047,
    night=20230913,
    date=datetime(2023, 9, 14, 3, 26, 5, 144294, tzinfo=UTC),
    exptime=1318.2757,
    exptype="science",
    program="dark",
    tile_id=9708,
    skyra=264.576579,
    skydec=27.7876,
    airmass=1.100976,
    seeing=1.1,
)
FLAT = replace(SCIENCE, exptype="flat", program="calib desi-calib-00 leds only", tile_id=None, seeing=None)


def contents(exposure: TakenExposure, size: int = LEAST, noise: Noise = NOISE) -> dict[str, bytes]:
    return {file.name: b"".join(file.content()) for file in raw_files(exposure, size, noise)}


@contextmanager
def opened(content: bytes) -> Iterator[Any]:
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    assert len(content) % 2880 == 0
    with fits.open(io.BytesIO(content)) as hdus:
        hdus.verify("exception")
        yield hdus


def test_a_science_exposure_leaves_the_twelve_files_of_desi_and_each_has_its_class() -> None:
    names = [file.name for file in raw_files(SCIENCE, LEAST, NOISE)]
    assert names == sorted(names)
    assert {name: file_class_of(name, 196047) for name in names} == {
        "centroids-00196047.json": "centroids",
        "coordinates-00196047.fits": "coordinates",
        "desi-00196047.fits.fz": "spectro",
        "etc-00196047.json": "etc",
        "fiberassign-009708.fits.gz": "fibermap",
        "focus-00196047.fits.fz": "focus",
        "fvc-00196047.fits.fz": "fvc",
        "guide-00196047.fits.fz": "guider",
        "guide-rois-00196047.fits.fz": "guider",
        "pm-00196047.fits": "pm",
        "request-00196047.json": "request",
        "sky-00196047.fits.fz": "sky",
    }


def test_a_calibration_leaves_two_files_and_a_marker_none() -> None:
    assert list(contents(FLAT)) == ["desi-00196047.fits.fz", "request-00196047.json"]
    assert contents(replace(FLAT, exptype="other")) == {}


def test_a_science_exposure_without_a_tile_has_no_fiber_assignment() -> None:
    assert not any("fiberassign" in name for name in contents(replace(SCIENCE, tile_id=None)))


def test_the_spectrographs_file_has_an_image_for_each_of_thirty_ccds() -> None:
    with opened(contents(SCIENCE)["desi-00196047.fits.fz"]) as hdus:
        names = [hdu.name for hdu in hdus]
        assert names[:3] == ["PRIMARY", "SPEC", "B0"]
        assert len(CCDS) == len(set(CCDS)) == 30
        assert set(CCDS) <= set(names)
        assert names[-1] == "SPECTCONS"
        for name in CCDS:
            assert hdus[name].compression_type == "RICE_1"
            assert hdus[name].header["CAMERA"] == name
            assert hdus[name].header["EXPID"] == 196047


def test_the_main_header_says_what_the_exposuredb_says() -> None:
    with opened(contents(SCIENCE)["desi-00196047.fits.fz"]) as hdus:
        for header in (hdus[0].header, hdus["SPEC"].header):
            said = {key: header[key] for key in ("EXPID", "NIGHT", "OBSTYPE", "FLAVOR", "PROGRAM", "TILEID", "EXPTIME")}
            assert said == {
                "EXPID": 196047,
                "NIGHT": 20230913,
                "OBSTYPE": "SCIENCE",
                "FLAVOR": "science",
                "PROGRAM": "dark",
                "TILEID": 9708,
                "EXPTIME": 1318.2757,
            }
            assert header["DATE-OBS"] == "2023-09-14T03:26:05.144294"
            assert header["MJD-OBS"] == 60201.143115096
            assert (header["SKYRA"], header["SKYDEC"], header["AIRMASS"]) == (264.576579, 27.7876, 1.100976)
            assert header["TRANSPAR"] is None


@pytest.mark.parametrize("name", ["guide", "sky", "focus"])
def test_a_cube_of_frames_comes_with_the_times_of_its_frames(name: str) -> None:
    with opened(contents(SCIENCE)[f"{name}-00196047.fits.fz"]) as hdus:
        cubes = [hdu for hdu in hdus if isinstance(hdu, fits.CompImageHDU)]
        assert len(cubes) == {"guide": 6, "sky": 2, "focus": 4}[name]
        for cube in cubes:
            times = hdus[f"{cube.name}T"].data
            assert len(times) == len(cube.data)
            assert times["DATE-OBS"][0] == "2023-09-14T03:26:05.144294"
            assert times["EXPTIME"].sum() == pytest.approx(1318.2757)


def test_the_fiber_assignment_is_the_tiles_own_and_lies_in_the_field_of_view() -> None:
    again = replace(SCIENCE, expid=196048, exptime=900.0)
    name = "fiberassign-009708.fits.gz"
    assert contents(again)[name] == contents(SCIENCE)[name]
    with opened(contents(SCIENCE)[name]) as hdus:
        assert hdus[0].header["TILEID"] == 9708
        assert np.ptp(hdus["FIBERASSIGN"].data["TARGET_DEC"]) < 3.3
        assert abs(hdus["FIBERASSIGN"].data["TARGET_DEC"].mean() - 27.7876) < 1.0


def test_the_documents_are_json_about_the_exposure() -> None:
    found = contents(SCIENCE)
    assert json.loads(found["request-00196047.json"])["EXPTIME"] == 1318.0
    assert json.loads(found["etc-00196047.json"])["expinfo"]["expid"] == 196047
    assert json.loads(found["centroids-00196047.json"])["expid"] == 196047


@pytest.mark.parametrize("size", [2_000_000, 30_000_000])
def test_a_science_exposure_is_about_as_large_as_asked_and_a_calibration_a_third(size: int) -> None:
    assert sum(map(len, contents(SCIENCE, size).values())) == pytest.approx(size, rel=0.08)
    assert sum(map(len, contents(FLAT, size).values())) == pytest.approx(0.35 * size, rel=0.2)


def test_large_files_come_in_small_chunks() -> None:
    (file,) = (file for file in raw_files(SCIENCE, 60_000_000, NOISE) if file.name.startswith("guide-0"))
    assert max(map(len, file.content())) <= 1 << 20


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, same, other = contents(SCIENCE), contents(SCIENCE, noise=Noise(0)), contents(SCIENCE, noise=Noise(1))
    assert first == same
    assert all(first[name] != other[name] for name in first if "request" not in name)


def test_no_two_ccds_of_an_exposure_and_the_next_show_the_same_image() -> None:
    images = []
    for expid in (196047, 196048):
        content = contents(replace(SCIENCE, expid=expid))[f"desi-{expid:08d}.fits.fz"]
        with opened(content) as hdus:
            images += [hdus[name].data.tobytes() for name in ("B0", "R0", "Z0", "B1")]
    assert len(set(images)) == len(images)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 5), max_size=1),
    st.integers(1, 200),
    st.sampled_from([32, 64, 128]),
    st.integers(0, 10**12),
)
def test_an_image_of_any_shape_reads_back_as_the_rows_of_the_noise(
    frames: list[int], rows: int, width: int, first: int
) -> None:
    shape = (*frames, rows, width)
    content = primary_hdu(b"") + b"".join(image_hdu("B0", shape, card("EXPID", 1), NOISE, first))
    once = primary_hdu(b"") + b"".join(image_hdu("B0", (64, width), b"", NOISE, 0))
    with opened(content) as hdus, opened(once) as all_rows:
        image, noise = hdus["B0"].data, all_rows["B0"].data
        assert image.shape == shape
        places = (first + np.arange(np.prod(shape[:-1]))) % 64
        assert np.array_equal(image.reshape(-1, width), noise[places])
        assert noise.mean() == pytest.approx(1000, abs=5)


@given(st.text(max_size=200))
def test_any_program_makes_a_card_of_printable_ascii(program: str) -> None:
    text = card("PROGRAM", program)
    assert len(text) % 80 == 0
    assert text.decode("ascii").isprintable()


def test_an_exposure_of_which_nothing_is_known_still_makes_files() -> None:
    bare = TakenExposure(expid=2**63 - 1, night=20230913)
    with opened(contents(bare)["desi-9223372036854775807.fits.fz"]) as hdus:
        assert hdus["SPEC"].header["EXPID"] == 2**63 - 1
    assert json.loads(contents(bare)["request-9223372036854775807.json"])["EXPTIME"] is None
    of_a_tile = contents(replace(bare, tile_id=1))
    assert len(of_a_tile) == 12
    with opened(of_a_tile["sky-9223372036854775807.fits.fz"]) as hdus:
        assert set(hdus["SKYCAM0T"].data["DATE-OBS"]) == {""}
