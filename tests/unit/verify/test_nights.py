"""A whole night: in a destination, or where the ICS has written it."""

from pathlib import Path

import pytest
from tests.unit.verify.examples import (
    EXPID,
    NIGHT,
    USUAL,
    desi,
    done,
    exposure,
    files_of,
    states,
    verify_night,
    write,
    wrong,
)

from exposure_schemas import Exposure
from exposure_subscriber.verify import Verdict, plan_locations

OTHER = 12346
MISSING = [(f"desi-{OTHER:08d}.fits.fz", "missing"), (f"fibermap-{OTHER:08d}.fits", "missing")]


def at_their_locations(*exposures: Exposure, location_map: dict[str, str] | None = None) -> list[Verdict]:
    return done(plan_locations(exposures, location_map or {}, None))


# In a destination.


@pytest.mark.parametrize("below", ["", str(NIGHT)])
def test_an_exposure_of_the_night_that_is_not_there_is_missing_where_it_would_be(below: str, tmp_path: Path) -> None:
    desi(tmp_path)
    verdicts = verify_night(tmp_path / below, exposure(), exposure(OTHER))
    assert wrong(verdicts) == MISSING
    assert verdicts[-1].path == f"{tmp_path}/{NIGHT}/{OTHER:08d}/fibermap-{OTHER:08d}.fits"


def test_in_a_flat_folder_it_is_missing_there(tmp_path: Path) -> None:
    verdicts = verify_night(write(tmp_path), exposure(), exposure(OTHER))
    assert wrong(verdicts) == MISSING
    assert verdicts[-1].path == f"{tmp_path}/fibermap-{OTHER:08d}.fits"


def test_in_an_empty_folder_all_are_missing(tmp_path: Path) -> None:
    verdicts = verify_night(tmp_path, exposure(OTHER))
    assert states(verdicts) == MISSING
    assert verdicts[0].path.startswith(f"{tmp_path}/{NIGHT}/")


def test_one_that_is_not_there_and_whose_files_nobody_has_listed_is_told(tmp_path: Path) -> None:
    assert states(verify_night(tmp_path, exposure(listed=False))) == [(None, "no manifest")]


def test_other_nights_are_left_alone(tmp_path: Path) -> None:
    desi(tmp_path)
    (desi(tmp_path, OTHER, 20240106) / "stray").write_bytes(b"")
    assert wrong(verify_night(tmp_path, exposure(), exposure(OTHER, night=20240106))) == []


def test_in_a_flat_folder_the_files_of_other_nights_and_tiles_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, files_of() | files_of(OTHER) | {f"sky-{OTHER:08d}.fits": b"", "fiberassign-001234.fits": b""})
    (tmp_path / "sky-00012345.fits").write_bytes(b"")
    verdicts = verify_night(tmp_path, exposure(), exposure(OTHER, night=20240106))
    assert wrong(verdicts) == [("sky-00012345.fits", "extra")]
    assert {verdict.expid for verdict in verdicts} == {EXPID}


def test_what_the_folder_of_the_night_holds_beside_is_told(tmp_path: Path) -> None:
    desi(tmp_path)
    desi(tmp_path, OTHER)
    assert wrong(verify_night(tmp_path, exposure())) == [(None, "unknown")]


def test_an_exposure_in_another_nights_folder_is_found(tmp_path: Path) -> None:
    desi(tmp_path, EXPID, 20240106)
    verdicts = verify_night(tmp_path, exposure())
    assert len(verdicts) == 3
    assert wrong(verdicts) == []


def test_where_the_folder_of_the_night_cannot_be_read_nothing_is_called_missing(tmp_path: Path) -> None:
    desi(tmp_path / "elsewhere")
    (tmp_path / str(NIGHT)).symlink_to(tmp_path / "elsewhere" / str(NIGHT))
    verdicts = verify_night(tmp_path, exposure())
    unreadable = [(None, "unreadable"), *((name, "unreadable") for name in sorted(files_of()) if "etc" not in name)]
    assert states(verdicts) == unreadable
    assert "a symbolic link is not followed" in (verdicts[0].detail or "")


# Where the ICS has written it.


def test_files_are_verified_where_the_location_map_leads(tmp_path: Path) -> None:
    desi(tmp_path)
    (desi(tmp_path, OTHER) / f"etc-{OTHER:08d}.json").unlink()
    there = [exposure(number, location=f"/ics/{NIGHT}/{number:08d}") for number in (EXPID, OTHER)]
    verdicts = at_their_locations(*there, location_map={"/ics": str(tmp_path)})
    assert wrong(verdicts) == [(f"etc-{OTHER:08d}.json", "missing")]
    assert verdicts[0].path == f"{tmp_path}/{NIGHT}/{EXPID:08d}/desi-{EXPID:08d}.fits.fz"


def test_what_else_is_at_a_location_is_extra_unless_exposures_share_it(tmp_path: Path) -> None:
    own, shared = write(tmp_path / "own"), write(tmp_path / "shared", files_of(2) | files_of(3))
    for folder in (own, shared):
        (folder / "README").write_bytes(b"")
    one, *two = (exposure(EXPID, location=str(own)), *(exposure(each, location=str(shared)) for each in (2, 3)))
    assert wrong(at_their_locations(one)) == [("README", "extra")]
    assert wrong(at_their_locations(*two)) == []


@pytest.mark.parametrize(
    ("location", "location_map", "reason"),
    [
        ("https://ics/raw/1", {}, "is on another host, and the location map leads to no folder there"),
        ("/ics/1", {"/ics": "https://ics/raw"}, "https://ics/raw/1 is on another host: verify the copy"),
        ("/ics/../etc", {}, "climbs with '..'"),
        (None, {}, "has no data location"),
        ("/nowhere/1", {}, "cannot read /nowhere/1: No such file or directory"),
        ("/dev/null", {}, "cannot read /dev/null: not a folder"),
    ],
)
def test_a_location_out_of_reach_makes_its_files_unreadable(
    location: str | None, location_map: dict[str, str], reason: str, tmp_path: Path
) -> None:
    reachable = exposure(OTHER, location=str(write(tmp_path, files_of(OTHER))))
    verdicts = at_their_locations(exposure(location=location), reachable, location_map=location_map)
    assert wrong(verdicts) == [(name, "unreadable") for name in sorted(files_of())]
    assert reason in (verdicts[0].detail or "")


def test_a_location_that_leads_out_of_what_the_map_allows_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "secret")
    (tmp_path / "ics").mkdir()
    (tmp_path / "ics" / "1").symlink_to(tmp_path / "secret")
    verdicts = at_their_locations(exposure(location="/ics/1"), location_map={"/ics": f"{tmp_path}/ics"})
    assert wrong(verdicts) == [(name, "unreadable") for name in sorted(files_of())]
    assert "leads out of" in (verdicts[0].detail or "")


@pytest.mark.parametrize("location", [None, "/nowhere/1"])
def test_an_exposure_without_any_file_needs_no_location(location: str | None) -> None:
    assert at_their_locations(exposure(files={}, location=location)) == []


def test_one_whose_files_nobody_has_listed_is_told_by_what_ics_calls_its_location() -> None:
    (told,) = at_their_locations(exposure(listed=False, location="https://ics/raw/1"))
    assert (told.state, told.path) == ("no manifest", "https://ics/raw/1")
    assert told.detail == "nobody has listed its files"


def test_a_read_that_fails_makes_a_file_unreadable() -> None:
    listed = exposure(files={"mem": b""}, location="/proc/self")
    (told,) = [verdict for verdict in at_their_locations(listed) if verdict.name == "mem"]
    assert (told.state, told.detail) == ("unreadable", "cannot be read: Input/output error")


def test_asking_for_classes_leaves_others_out_of_what_must_be_there(tmp_path: Path) -> None:
    gone = exposure(location=str(tmp_path / "gone"))
    verdicts = done(plan_locations((gone,), {}, USUAL))
    assert [verdict.file_class for verdict in verdicts] == ["spectro", "fibermap"]
