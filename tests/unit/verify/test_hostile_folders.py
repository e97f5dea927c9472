"""Links, pipes and odd names: nothing outside the folder is read, and nothing hangs or breaks."""

import os
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
from exposure_subscriber.verify.names import shown
from exposure_subscriber.verify.places import find_places
from exposure_subscriber.verify.strangers import Strangers

SPECTRO, ETC, FIBERMAP = files_of()


@pytest.mark.parametrize("own", [True, False])
def test_a_link_in_place_of_a_file_differs_though_it_leads_to_the_right_bytes(own: bool, tmp_path: Path) -> None:
    folder = desi(tmp_path / "here") if own else write(tmp_path / "here")
    (folder / ETC).rename(tmp_path / "outside")
    (folder / ETC).symlink_to(tmp_path / "outside")
    verdicts = verify(tmp_path / "here", exposure())
    assert wrong(verdicts) == [(ETC, "differs")]
    assert verdicts[1].detail == "is a symbolic link, which is not followed"


def test_a_link_put_in_place_of_a_file_meanwhile_is_not_followed(tmp_path: Path) -> None:
    plan = plan_destination(write(tmp_path / "here"), knowing(exposure()), None)
    (tmp_path / "here" / ETC).rename(tmp_path / "outside")
    (tmp_path / "here" / ETC).symlink_to(tmp_path / "outside")
    assert wrong(done(plan)) == [(ETC, "unreadable")]


def test_a_link_put_in_place_of_a_folder_meanwhile_is_not_followed(tmp_path: Path) -> None:
    folder = desi(tmp_path / "here")
    plan = plan_destination(tmp_path / "here", knowing(exposure()), None)
    folder.parent.rename(tmp_path / "outside")
    folder.parent.symlink_to(tmp_path / "outside")
    assert wrong(done(plan)) == [(name, "unreadable") for name in sorted(files_of())]


def test_a_linked_exposure_folder_is_not_followed_and_its_files_are_unreadable(tmp_path: Path) -> None:
    folder = desi(tmp_path / "here")
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    verdicts = verify(tmp_path / "here", exposure())
    assert states(verdicts) == [(SPECTRO, "unreadable"), (FIBERMAP, "unreadable")]
    assert verdicts[0].detail == f"cannot read {folder}: not a folder (a symbolic link is not followed)"


def test_a_linked_night_is_not_followed_but_said(tmp_path: Path) -> None:
    desi(tmp_path / "here")
    desi(tmp_path / "outside", EXPID + 1)
    (tmp_path / "here" / "20240106").symlink_to(tmp_path / "outside" / str(NIGHT))
    (told,) = [verdict for verdict in verify(tmp_path / "here", exposure()) if verdict.state != "verified"]
    assert (told.night, told.expid, told.name, told.state) == (20240106, None, None, "unreadable")


def test_a_link_that_no_manifest_names_is_extra(tmp_path: Path) -> None:
    folder = desi(tmp_path)
    (folder / ".quarantine").symlink_to("/etc")
    (folder / "latest").symlink_to("nowhere")
    (told, _) = [verdict for verdict in verify(tmp_path, exposure()) if verdict.state != "verified"]
    assert (told.name, told.state) == (".quarantine", "extra")
    assert told.detail == "a symbolic link, which is not followed, and no manifest names it"


@pytest.mark.parametrize(("kind", "make"), [("a named pipe", os.mkfifo), ("a folder", os.mkdir)])
def test_what_is_no_file_differs_and_is_not_waited_for(kind: str, make: object, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ETC).unlink()
    assert callable(make)
    make(tmp_path / ETC)
    verdicts = verify(tmp_path, exposure())
    assert wrong(verdicts) == [(ETC, "differs")]
    assert verdicts[1].detail == f"is {kind}"


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "..", ".", "sub/file"])
def test_a_manifest_whose_name_leads_elsewhere_finds_nothing_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    write(desi(tmp_path / "here") / "sub", {"file": b"secret"})
    listed = exposure(files=files_of() | {name: b"secret"})
    assert wrong(verify(tmp_path / "here", listed, classes=None)) == [(name, "missing")]


@pytest.mark.parametrize("name", [b"\xff.fits", b"two\nlines", b"\x1b[2J", "Ünïcödé".encode(), b"-rf", b"x" * 255])
def test_a_file_of_any_name_is_extra_and_shown_in_one_harmless_line(name: bytes, tmp_path: Path) -> None:
    folder = desi(tmp_path)
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"")
    (told,) = [verdict for verdict in verify(tmp_path, exposure()) if verdict.state == "extra"]
    assert told.name == os.fsdecode(name)
    assert shown(told.path).isprintable()
    assert shown(told.path).encode()


def test_a_number_that_no_exposure_can_have_is_unknown(tmp_path: Path) -> None:
    number = 10**30
    write(tmp_path, {f"desi-{number}.fits.fz": b""})
    (told,) = verify(tmp_path, exposure())
    assert (told.expid, told.state) == (number, "unknown")


def test_a_quarantine_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / ".quarantine").mkdir()
    (place,) = find_places(write(tmp_path))
    entries = place.folder.entries()
    (tmp_path / ".quarantine").rmdir()
    (told,) = Strangers(place=place, exposures={}).quarantined(entries)
    assert (told.name, told.state) == (".quarantine", "unreadable")
    assert told.detail == "cannot be read: No such file or directory"
