"""Which file of an exposure is what, by its exact name, on real names of both eras and on strays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_schemas import FILE_CLASSES, InvalidValue, classes_asked, file_class_of

EXAMPLES = [
    ("spectro", "desi-00012345.fits.fz"),
    ("spectro", "desi-00012345.fits"),
    ("spectro", "desi-00012345.fits.gz"),
    ("fibermap", "fibermap-00012345.fits"),
    ("fibermap", "fiberassign-001345.fits"),
    ("fibermap", "fiberassign-001345.fits.gz"),
    ("guider", "guide-00012345.fits"),
    ("guider", "guide-00012345.fits.fz"),
    ("guider", "guide-rois-00012345.fits.fz"),
    ("sky", "sky-00012345.fits.fz"),
    ("fvc", "fvc-00012345.fits"),
    ("fvc", "fvc-00012345.fits.fz"),
    ("focus", "focus-00012345.fits.fz"),
    ("gfa", "gfa-00012345.fits.fz"),
    ("etc", "etc-00012345.json"),
    ("coordinates", "coordinates-00012345.fits"),
    ("pm", "pm-00012345.fits"),
    ("centroids", "centroids-00012345.json"),
    ("request", "request-00012345.json"),
    ("manifest", "manifest_00012345.json"),
    ("checksum", "checksum-00012345.sha256sum"),
    ("checksum", "checksum-20200309-00012345.sha256sum"),
]

STRAYS = [
    "desi-00012345.fits.fz.orig",
    "desi-00012345.fits.fz.part",
    "desi-00012345.fits.fz~",
    "desi-00012345.fits.fz\n",
    ".desi-00012345.fits.fz.Xa91bc",
    "desi-00012345-old.fits.fz",
    "old-desi-00012345.fits.fz",
    "desi-12345.fits.fz",
    "desi-012345.fits.fz",
    "desi-0000012345.fits.fz",
    "desi-00012345.fits.xz",
    "desi-00012345.fits.fz.gz",
    "desi-00012345",
    "desi-00012345_fits",
    "DESI-00012345.FITS",
    "desi-٠٠٠١٢٣٤٥.fits.fz",
    "spectro-00012345.fits.fz",
    "sp-00012345.fits.fz",
    "guide-roi-00012345.fits.fz",
    "fiberassign-01345.fits",
    "fiberassign-00012345.fits",
    "etc-00012345.fits",
    "manifest-00012345.json",
    "checksum-00012345.sha256",
    "20211129/desi-00012345.fits.fz",
    "",
]


@pytest.mark.parametrize(("file_class", "name"), EXAMPLES)
def test_a_real_name_has_its_class(file_class: str, name: str) -> None:
    assert file_class_of(name, 12345) == file_class


def test_every_class_has_an_example() -> None:
    assert {file_class for file_class, _ in EXAMPLES} == set(FILE_CLASSES)


@pytest.mark.parametrize("name", STRAYS, ids=repr)
def test_a_stray_has_none(name: str) -> None:
    assert file_class_of(name, 12345) is None


@pytest.mark.parametrize("name", [name for _, name in EXAMPLES if "00012345" in name])
def test_a_file_of_another_exposure_has_no_class_here(name: str) -> None:
    assert file_class_of(name, 12346) is None


def test_a_fiberassign_file_is_named_for_its_tile_and_serves_every_exposure_of_it() -> None:
    assert file_class_of("fiberassign-001345.fits.gz", 12345) == file_class_of("fiberassign-001345.fits.gz", 99) != None  # noqa: E711 (one chain)


@pytest.mark.parametrize("expid", [7024040300451, 123456789, 99999999, 1, 0])
def test_expids_of_any_length_are_found(expid: int) -> None:
    assert file_class_of(f"desi-{expid:08d}.fits.fz", expid) == "spectro"
    assert file_class_of(f"desi-{expid + 1:08d}.fits.fz", expid) is None


@given(name=st.text(), expid=st.integers(0, 2**63 - 1))
def test_any_name_has_at_most_one_class(name: str, expid: int) -> None:
    assert file_class_of(name, expid) in {*FILE_CLASSES, None}


@given(expid=st.integers(0, 2**63 - 1), file_class=st.sampled_from(sorted({c for c, _ in EXAMPLES})))
def test_no_name_is_of_two_classes(expid: int, file_class: str) -> None:
    names = [name.replace("00012345", f"{expid:08d}") for known, name in EXAMPLES if known == file_class]
    for name in names:
        matching = [known for known, pattern in FILE_CLASSES.items() if pattern.fullmatch(name)]
        assert matching == [file_class]


def test_one_class_may_be_asked_for_by_its_name() -> None:
    assert classes_asked("sky") == {"sky"}


def test_several_may_be_asked_for_in_any_collection() -> None:
    assert classes_asked(("spectro", "fibermap")) == {"spectro", "fibermap"}
    assert classes_asked(["sky", "sky"]) == {"sky"}
    assert classes_asked(name for name in ("etc", "pm")) == {"etc", "pm"}


def test_desi_is_the_old_name_of_spectro() -> None:
    assert classes_asked("desi") == classes_asked(["desi", "spectro"]) == {"spectro"}


def test_all_stands_for_every_class() -> None:
    assert classes_asked("all") == classes_asked(["sky", "all"]) == set(FILE_CLASSES)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("spectra", "'spectra'"),
        ("Sky", "'Sky'"),
        ("", "''"),
        (["sky", "spectra", "moon"], "'spectra', 'moon'"),
        (["all", "moon"], "'moon'"),
        ([None], "None"),
        ([["sky"]], "['sky']"),
        (None, "None"),
        (5, "5"),
        ([], "none given"),
        ((), "none given"),
    ],
    ids=repr,
)
def test_what_is_no_class_is_refused_by_its_name_with_those_that_are(asked: object, named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        classes_asked(asked)  # type: ignore[arg-type]
    assert named in str(caught.value)
    assert all(known in str(caught.value) for known in (*FILE_CLASSES, "desi", "all"))
