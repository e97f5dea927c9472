"""Which exposures are meant: by what is there, in either layout, from whichever folder of it."""

from pathlib import Path

import pytest
from tests.unit.verify.examples import (
    EXPID,
    NIGHT,
    desi,
    done,
    exposure,
    files_of,
    knowing,
    states,
    verify,
    write,
    wrong,
)

from exposure_subscriber.verify import plan_destination

OTHER = 12346


def expids(root: Path) -> set[int]:
    """The exposures that the cache is asked for."""
    asked = knowing()
    plan_destination(root, asked, None)
    return asked.asked


@pytest.mark.parametrize("below", ["", str(NIGHT), f"{NIGHT}/{EXPID:08d}"])
def test_desis_layout_is_known_from_the_destination_a_night_or_an_exposure(below: str, tmp_path: Path) -> None:
    folder = desi(tmp_path)
    (folder / "stray").write_bytes(b"")
    verdicts = verify(tmp_path / below, exposure())
    assert len(verdicts) == 4
    assert wrong(verdicts) == [("stray", "extra")]
    assert {verdict.path for verdict in verdicts} == {str(path) for path in folder.iterdir()}


def test_a_flat_folder_holds_the_exposures_whose_numbers_are_in_its_names(tmp_path: Path) -> None:
    write(tmp_path, files_of(EXPID) | {f"etc-{OTHER:08d}.json": b"{}\n", "etc-7024040300451.json": b""})
    assert expids(tmp_path) == {EXPID, OTHER, 7024040300451}


def test_both_layouts_and_a_flat_night_may_share_a_destination(tmp_path: Path) -> None:
    desi(tmp_path, 1)
    write(tmp_path, files_of(2))
    write(tmp_path / "20240106", files_of(3))
    assert expids(tmp_path) == {1, 2, 3}
    assert wrong(verify(tmp_path, exposure(1), exposure(2), exposure(3, night=20240106))) == []


def test_in_a_flat_folder_only_names_of_file_classes_are_extra(tmp_path: Path) -> None:
    stray = {
        "README": b"",
        "desi-00012345.fits.fz.orig": b"",
        "fiberassign-001234.fits.gz": b"",
        "sky-00012345.fits.fz": b"",
        "etc-000012345.json": b"",
    }
    verdicts = verify(write(tmp_path, files_of() | stray), exposure())
    assert wrong(verdicts) == [
        ("etc-000012345.json", "extra"),
        ("fiberassign-001234.fits.gz", "extra"),
        ("sky-00012345.fits.fz", "extra"),
    ]
    assert [(verdict.expid, verdict.file_class) for verdict in verdicts if verdict.state == "extra"] == [
        (None, None),
        (None, "fibermap"),
        (EXPID, "sky"),
    ]


def test_the_fibermap_of_a_tile_belongs_to_the_exposures_whose_manifests_name_it(tmp_path: Path) -> None:
    tile = {"fiberassign-001234.fits.gz": b"tile"}
    files = {number: {f"desi-{number:08d}.fits.fz": b"spectra"} | tile for number in (1, 2)}
    write(tmp_path, files[1] | files[2])
    known = [exposure(number, listed) for number, listed in files.items()]
    verdicts = verify(tmp_path, *known)
    assert wrong(verdicts) == []
    assert [verdict.expid for verdict in verdicts if verdict.name in tile] == [1, 2]
    (tmp_path / "fiberassign-001234.fits.gz").unlink()
    assert wrong(verify(tmp_path, *known)) == [("fiberassign-001234.fits.gz", "missing")] * 2


def test_the_files_of_an_exposure_that_nobody_can_judge_are_no_extras(tmp_path: Path) -> None:
    write(tmp_path, files_of(EXPID) | files_of(OTHER))
    assert wrong(verify(tmp_path, exposure())) == [(None, "unknown")]
    assert wrong(verify(tmp_path, exposure(), exposure(OTHER, listed=False))) == [(None, "no manifest")]


@pytest.mark.parametrize(
    "folder",
    [
        "12345",
        "0000012345",
        "20241399x",
        f"{NIGHT}/{NIGHT}/00012345",
        f"a/{NIGHT}/00012345",
        "00012345.old",
        "2024-01-05",
        "etc-00012345.json",
    ],
)
def test_other_folders_are_left_alone(folder: str, tmp_path: Path) -> None:
    write(tmp_path / folder)
    (tmp_path / folder / ".quarantine").mkdir()
    assert 12345 not in expids(tmp_path)


def test_a_date_that_does_not_exist_is_an_exposure_and_one_that_does_is_a_night(tmp_path: Path) -> None:
    for name in ("20241399", "18991231", "20240105", "00333000"):
        write(tmp_path / name, files_of(1))
    assert expids(tmp_path) == {20241399, 18991231, 333000, 1}


def test_a_destination_named_like_an_exposure_is_one_only_if_nothing_is_below(tmp_path: Path) -> None:
    root = tmp_path / "00054321"
    desi(root)
    assert expids(root) == {EXPID}


def test_an_exposures_folder_is_known_where_the_destination_is_a_link_to_it(tmp_path: Path) -> None:
    desi(tmp_path / "there")
    (tmp_path / "here").symlink_to(tmp_path / "there" / str(NIGHT) / f"{EXPID:08d}")
    verdicts = verify(tmp_path / "here", exposure())
    assert wrong(verdicts) == []
    assert len(verdicts) == 3


def test_an_exposure_without_any_file_may_have_an_empty_folder(tmp_path: Path) -> None:
    write(tmp_path / str(NIGHT) / f"{EXPID:08d}", {})
    plan = plan_destination(tmp_path, knowing(exposure(files={})), None)
    assert (plan.exposures, done(plan)) == (1, [])


def test_where_there_is_no_exposure_nothing_is_planned(tmp_path: Path) -> None:
    write(tmp_path, {"README": b"", "fiberassign-001234.fits.gz": b""})
    (tmp_path / "notes").mkdir()
    plan = plan_destination(tmp_path, knowing(), None)
    assert (plan.exposures, plan.settled, plan.to_read) == (0, (), ())


def test_verdicts_come_by_night_exposure_and_name(tmp_path: Path) -> None:
    desi(tmp_path, 2, 20240104)
    desi(tmp_path, 1)
    desi(tmp_path, 3)
    verdicts = verify(tmp_path, exposure(1), exposure(2, night=20240104), exposure(3))
    assert [verdict.expid for verdict in verdicts] == [2] * 3 + [1] * 3 + [3] * 3
    assert [name for name, _state in states(verdicts)][:3] == sorted(files_of(2))
