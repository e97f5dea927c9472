"""What is said of a file: each state, by a file that is in it."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
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

from exposure_schemas import ManifestFile
from exposure_subscriber.verify import Verdict, carry_out, plan_destination

SPECTRO, ETC, FIBERMAP = files_of()


def test_files_that_are_those_of_the_manifest_are_verified(tmp_path: Path) -> None:
    verdicts = verify(write(tmp_path), exposure())
    assert states(verdicts) == [(SPECTRO, "verified"), (ETC, "verified"), (FIBERMAP, "verified")]
    assert verdicts[0] == Verdict(
        night=NIGHT,
        expid=EXPID,
        name=SPECTRO,
        file_class="spectro",
        state=verdicts[0].state,
        detail=None,
        path=f"{tmp_path}/{SPECTRO}",
    )


@pytest.mark.parametrize("name", [SPECTRO, ETC])
def test_one_other_bit_is_told_with_both_checksums(name: str, tmp_path: Path) -> None:
    content = bytearray(files_of()[name])
    content[-1] ^= 1
    write(tmp_path, files_of() | {name: bytes(content)})
    found, expected = hashlib.sha256(content).hexdigest(), hashlib.sha256(files_of()[name]).hexdigest()
    (differing,) = [verdict for verdict in verify(tmp_path, exposure()) if verdict.state == "differs"]
    assert (differing.name, differing.detail) == (name, f"has SHA-256 {found} instead of {expected}")


@pytest.mark.parametrize("size", [0, 2, 4])
def test_another_size_is_told_with_both_and_not_read(size: int, tmp_path: Path) -> None:
    write(tmp_path, files_of() | {ETC: b"x" * size})
    plan = plan_destination(tmp_path, knowing(exposure()), None)
    (differing,) = plan.settled
    assert (differing.name, differing.state, differing.detail) == (ETC, "differs", f"has {size} bytes instead of 3")
    assert plan.size == len(files_of()[SPECTRO]) + len(files_of()[FIBERMAP])


def test_a_file_without_checksum_is_fine_by_its_size_and_is_not_read(tmp_path: Path) -> None:
    plan = plan_destination(write(tmp_path), knowing(exposure(hashed=False)), None)
    assert plan.size == 0
    assert states(done(plan)) == [(SPECTRO, "size agrees"), (ETC, "size agrees"), (FIBERMAP, "size agrees")]


def test_an_empty_file_is_verified_like_any_other(tmp_path: Path) -> None:
    empty = {ETC: b""}
    assert states(verify(write(tmp_path, empty), exposure(files=empty))) == [(ETC, "verified")]


def test_a_file_of_a_class_that_must_be_there_is_missing(tmp_path: Path) -> None:
    write(tmp_path, {SPECTRO: files_of()[SPECTRO]})
    assert wrong(verify(tmp_path, exposure())) == [(FIBERMAP, "missing")]
    assert wrong(verify(tmp_path, exposure(), classes=frozenset({"etc"}))) == [(ETC, "missing")]
    assert wrong(verify(tmp_path, exposure(), classes=None)) == [(ETC, "missing"), (FIBERMAP, "missing")]


def test_a_file_of_a_class_that_nobody_asked_for_is_verified_where_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, files_of() | {ETC: b"{} "})
    assert wrong(verify(tmp_path, exposure())) == [(ETC, "differs")]


def test_a_file_of_no_class_must_be_there_only_where_all_of_the_manifest_must(tmp_path: Path) -> None:
    listed = exposure(files=files_of() | {"notes.txt": b"clouds"})
    write(tmp_path)
    assert wrong(verify(tmp_path, listed)) == []
    assert wrong(verify(tmp_path, listed, classes=None)) == [("notes.txt", "missing")]


def test_what_no_manifest_names_is_extra_but_for_what_a_fetch_is_writing(tmp_path: Path) -> None:
    folder = desi(tmp_path)
    for name in (f"{SPECTRO}.orig", f".{SPECTRO}.0123456789abcdef.7-00112233aabbccdd.part", "desi-00099999.fits"):
        (folder / name).write_bytes(b"stray")
    (folder / "thumbnails").mkdir()
    verdicts = verify(tmp_path, exposure())
    assert wrong(verdicts) == [(f"{SPECTRO}.orig", "extra"), ("desi-00099999.fits", "extra")]
    (stray, _) = [verdict for verdict in verdicts if verdict.state == "extra"]
    assert (stray.night, stray.expid, stray.file_class, stray.detail) == (NIGHT, EXPID, None, "no manifest names it")


@pytest.mark.parametrize("own", [True, False])
def test_a_bad_copy_in_quarantine_is_told_and_is_nobodys_fault(own: bool, tmp_path: Path) -> None:
    folder = desi(tmp_path) if own else write(tmp_path)
    write(folder / ".quarantine" / SPECTRO, {"copy": b"bad", "report.json": b"{}"})
    (told,) = [verdict for verdict in verify(tmp_path, exposure()) if verdict.state == "quarantined"]
    assert (told.expid, told.name, told.file_class) == (EXPID, SPECTRO, "spectro")
    assert Path(told.path).read_bytes() == b"bad"
    assert told.detail == f"a bad copy: see .quarantine/{SPECTRO}/report.json"


@pytest.mark.parametrize("own", [True, False])
def test_an_exposure_whose_files_nobody_has_listed_is_told_once(own: bool, tmp_path: Path) -> None:
    folder = desi(tmp_path) if own else write(tmp_path)
    (told,) = verify(tmp_path, exposure(listed=False))
    assert (told.expid, told.name, told.state, told.path) == (EXPID, None, "no manifest", str(folder))
    assert told.detail == "nobody has listed its files; 3 files are here"


@pytest.mark.parametrize("own", [True, False])
def test_an_exposure_that_the_cache_does_not_know_is_told_once(own: bool, tmp_path: Path) -> None:
    folder = desi(tmp_path) if own else write(tmp_path)
    (told,) = verify(tmp_path)
    assert (told.night, told.expid, told.name, told.state) == (NIGHT if own else None, EXPID, None, "unknown")
    assert (told.detail, told.path) == ("the cache has no exposure 12345; 3 files are here", str(folder))


def test_a_file_that_cannot_be_read_is_told_and_hinders_no_other(tmp_path: Path) -> None:
    plan = plan_destination(write(tmp_path), knowing(exposure()), None)
    (tmp_path / SPECTRO).unlink()
    verdicts = done(plan)
    assert wrong(verdicts) == [(SPECTRO, "unreadable")]
    assert verdicts[0].detail == "cannot be read: No such file or directory"


@pytest.mark.parametrize("content", [b"x" * 2, b"x" * 4])
def test_a_file_whose_size_changes_meanwhile_differs(content: bytes, tmp_path: Path) -> None:
    for hashed in (True, False):
        plan = plan_destination(write(tmp_path), knowing(exposure(hashed=hashed)), None)
        (tmp_path / ETC).write_bytes(content)
        (changed,) = [verdict for verdict in done(plan) if verdict.name == ETC]
        assert (changed.state, changed.detail) == ("differs", "its size changed while it was read")


def test_a_file_that_becomes_a_pipe_meanwhile_differs(tmp_path: Path) -> None:
    plan = plan_destination(write(tmp_path), knowing(exposure()), None)
    (tmp_path / ETC).unlink()
    os.mkfifo(tmp_path / ETC)
    (changed,) = [verdict for verdict in done(plan) if verdict.name == ETC]
    assert (changed.state, changed.detail) == ("differs", "is a named pipe")


def test_every_byte_and_every_file_is_counted(tmp_path: Path) -> None:
    plan = plan_destination(write(tmp_path), knowing(exposure()), None)
    assert [each[0].file.name for each in plan.to_read] == [SPECTRO, FIBERMAP, ETC], "the largest first"
    counted: list[int] = []
    files: list[None] = []
    carry_out(plan, jobs=2, advance=counted.append, file_done=lambda: files.append(None))
    assert sum(counted) == plan.size == sum(map(len, files_of().values()))
    assert len(files) == len(plan.to_read) == 3


def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    def interrupt(_count: int) -> None:
        raise KeyboardInterrupt

    plan = plan_destination(write(tmp_path), knowing(exposure()), None)
    with pytest.raises(KeyboardInterrupt):
        carry_out(plan, jobs=2, advance=interrupt)


def test_nothing_is_changed_on_disk(tmp_path: Path) -> None:
    folder = desi(tmp_path)
    (folder / ETC).write_bytes(b"other")
    (folder / "stray").write_bytes(b"stray")

    def seen() -> list[tuple[str, int, int, int]]:
        found = [(path, path.lstat()) for path in sorted(tmp_path.rglob("*"))]
        return [(str(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns) for path, state in found]

    before = seen()
    verify(tmp_path, exposure(), classes=None)
    assert seen() == before


@settings(deadline=None)
@given(st.data())
def test_a_file_is_verified_exactly_if_it_holds_what_the_manifest_says(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    expected = data.draw(st.binary(max_size=40))
    there = data.draw(st.just(expected) | st.binary(max_size=40))
    folder = write(tmp_path_factory.mktemp("any"), {ETC: there})
    listed = exposure(files={ETC: expected})
    assert states(verify(folder, listed)) == [(ETC, "verified" if there == expected else "differs")]


def test_two_manifests_that_name_one_file_are_each_told_of_and_it_is_read_once(tmp_path: Path) -> None:
    tile = "fiberassign-001234.fits.gz"
    first, second = {tile: b"tile"}, {tile: b"TILE"}
    numbers = {"etc-00000001.json": b"1", "etc-00000002.json": b"2"}
    write(tmp_path, first | numbers)
    known = (
        exposure(1, first | {"etc-00000001.json": b"1"}),
        exposure(2, second | {"etc-00000002.json": b"2"}),
    )
    plan = plan_destination(tmp_path, knowing(*known), None)
    assert plan.size == 6
    told = [(verdict.expid, verdict.state.value) for verdict in done(plan) if verdict.name == tile]
    assert told == [(1, "verified"), (2, "differs")]


def test_a_name_that_stands_twice_in_a_manifest_is_told_of_twice(tmp_path: Path) -> None:
    listed = exposure(files={ETC: b"{}\n"})
    twice = replace(listed, files=(*(listed.files or ()), ManifestFile(name=ETC, file_class="etc", size=9)))
    assert sorted(states(verify(write(tmp_path, {ETC: b"{}\n"}), twice))) == [(ETC, "differs"), (ETC, "verified")]
