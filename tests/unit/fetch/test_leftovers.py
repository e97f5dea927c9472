"""Temporary files: locked while they live, and removed when their process is no more."""

import errno
import fcntl
from pathlib import Path

import pytest
from tests.unit.fetch.examples import FILES, contents, fetch, write, written

LEFT = ".desi-00012345.fits.fz.0123456789abcdef.4194304-0123456789abcdef.part"
FLOCK = fcntl.flock


def test_what_nobody_holds_is_removed(tmp_path: Path) -> None:
    write(tmp_path / "qlf", {LEFT: b"half"})
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == FILES


def test_what_somebody_holds_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "qlf", {LEFT: b"half"})
    with (tmp_path / "qlf" / LEFT).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {**FILES, LEFT: b"half"}


def test_a_link_or_a_folder_of_such_a_name_is_nobodys_leftover(tmp_path: Path) -> None:
    write(tmp_path / "qlf", {"precious": b"mine"})
    (tmp_path / "qlf" / LEFT).symlink_to("precious")
    (tmp_path / "qlf" / LEFT.replace("4194304", "99")).mkdir()
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert (tmp_path / "qlf" / LEFT).read_bytes() == b"mine"
    assert (tmp_path / "qlf" / LEFT.replace("4194304", "99")).is_dir()


def test_a_file_that_is_taken_for_a_leftover_before_it_is_locked_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def remove_before_the_first_lock(descriptor: int, how: int) -> None:
        if not removed:
            removed.extend((tmp_path / "qlf").glob(".*.part"))
            for path in removed:
                path.unlink()
        FLOCK(descriptor, how)

    exposure = written(tmp_path / "ics")
    monkeypatch.setattr(fcntl, "flock", remove_before_the_first_lock)
    fetch(exposure, tmp_path / "qlf", jobs=1)
    assert len(removed) == 1
    assert contents(tmp_path / "qlf") == FILES


def test_where_there_are_no_locks_files_are_brought_and_leftovers_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    write(tmp_path / "qlf", {LEFT: b"half"})
    monkeypatch.setattr(fcntl, "flock", no_locks)
    fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {**FILES, LEFT: b"half"}
