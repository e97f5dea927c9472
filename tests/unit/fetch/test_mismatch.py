"""What is not what the manifest says: tried once more, then set aside and told."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.fetch.examples import (
    ETC,
    FILES,
    SPECTRO,
    contents,
    exposure_at,
    fetch,
    manifest_of,
    sha256,
    write,
    written,
)

from exposure_schemas import Exposure
from exposure_subscriber.errors import Mismatch

GOOD = FILES[SPECTRO]
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit is wrong": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "cut short": lambda content: content[:-1],
    "empty": lambda _content: b"",
    "a byte too long": lambda content: content + b"!",
    "much too long": lambda content: content * 3,
}


def damaged(folder: Path, damage: str, *, hashed: bool = True) -> Exposure:
    write(folder, {SPECTRO: DAMAGES[damage](GOOD)})
    return exposure_at(folder, manifest_of({SPECTRO: GOOD}, hashed=hashed))


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_never_stands_under_its_name(damage: str, tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match=rf"/ics/{SPECTRO} .*, read twice; the bad copy is at {tmp_path}/qlf/"):
        fetch(damaged(tmp_path / "ics", damage), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("cut short", rf"has {len(GOOD) - 1} bytes instead of {len(GOOD)}"),
        ("a byte too long", rf"is longer than the {len(GOOD)} bytes it should have"),
    ],
)
@pytest.mark.parametrize("hashed", [True, False])
def test_a_wrong_size_is_told_with_or_without_a_checksum(hashed: bool, damage: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match=words):
        fetch(damaged(tmp_path / "ics", damage, hashed=hashed), tmp_path / "qlf")


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_stood_there_before_still_stands(damage: str, tmp_path: Path) -> None:
    write(tmp_path / "qlf", {SPECTRO: b"older"})
    with pytest.raises(Mismatch):
        fetch(damaged(tmp_path / "ics", damage), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {SPECTRO: b"older"}


def test_it_is_kept_in_quarantine_with_a_report(tmp_path: Path) -> None:
    exposure = damaged(tmp_path / "ics", "a bit is wrong")
    before = datetime.now(UTC).replace(microsecond=0)
    with pytest.raises(Mismatch):
        fetch(exposure, tmp_path / "qlf")
    place = tmp_path / "qlf" / ".quarantine" / SPECTRO
    bad = (place / "copy").read_bytes()
    report = json.loads((place / "report.json").read_text())
    assert bad == DAMAGES["a bit is wrong"](GOOD)
    assert before <= datetime.fromisoformat(report.pop("when")) <= datetime.now(UTC)
    assert report == {
        "source": f"{tmp_path}/ics/{SPECTRO}",
        "why": f"has SHA-256 {sha256(bad)} instead of {sha256(GOOD)}",
        "expected": {"size": len(GOOD), "sha256": sha256(GOOD)},
        "found": {"size": len(bad), "sha256": sha256(bad)},
    }


def test_the_quarantine_holds_one_copy_of_a_name_and_of_a_long_file_no_more_than_shows_it(tmp_path: Path) -> None:
    for damage in ("cut short", "much too long"):
        with pytest.raises(Mismatch):
            fetch(damaged(tmp_path / "ics", damage), tmp_path / "qlf")
    kept = sorted(path for path in (tmp_path / "qlf").rglob("*") if path.is_file())
    assert [path.name for path in kept] == ["copy", "report.json"]
    assert kept[0].stat().st_size == len(GOOD) + 1


def test_a_quarantine_that_cannot_be_made_does_not_hide_the_mismatch(tmp_path: Path) -> None:
    write(tmp_path / "qlf", {".quarantine": b"a file of somebody's"})
    with pytest.raises(Mismatch, match=r"has 0 bytes instead of .* could not be kept: Not a directory"):
        fetch(damaged(tmp_path / "ics", "empty"), tmp_path / "qlf")
    assert [path.name for path in (tmp_path / "qlf").iterdir()] == [".quarantine"]


def test_the_bytes_of_a_file_that_is_wrong_are_taken_back_from_the_progress(tmp_path: Path) -> None:
    done: list[int] = []
    with pytest.raises(Mismatch):
        fetch(damaged(tmp_path / "ics", "a bit is wrong"), tmp_path / "qlf", progress=done.append)
    assert sum(done) == 0
    assert sum(count for count in done if count > 0) == 2 * len(GOOD)


@pytest.mark.parametrize("hashed", [True, False])
def test_a_file_that_was_replaced_while_it_was_read_is_read_again(hashed: bool, tmp_path: Path) -> None:
    folder = write(tmp_path / "ics", {SPECTRO: DAMAGES["a bit is wrong"](GOOD)})
    exposure = exposure_at(folder, manifest_of({SPECTRO: GOOD}, hashed=hashed))
    done: list[int] = []

    def replace_once(count: int) -> None:
        if not done:
            write(folder, {SPECTRO: GOOD})
            os.utime(folder / SPECTRO, ns=(1, 1))
        done.append(count)

    fetch(exposure, tmp_path / "qlf", progress=replace_once)
    assert contents(tmp_path / "qlf") == {SPECTRO: GOOD}
    assert sum(done) == len(GOOD)
    assert min(done) == -len(GOOD)


def test_a_file_without_a_checksum_that_keeps_changing_is_never_taken_for_whole(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics", {SPECTRO: GOOD}, hashed=False)
    times = iter(range(1, 100))

    def touch(_count: int) -> None:
        os.utime(tmp_path / "ics" / SPECTRO, ns=(1, next(times)))

    with pytest.raises(Mismatch, match="changed while it was read, read twice"):
        fetch(exposure, tmp_path / "qlf", progress=touch)
    assert contents(tmp_path / "qlf") == {}


def test_a_file_that_is_only_touched_but_has_its_checksum_is_right(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics", {SPECTRO: GOOD})
    done: list[int] = []

    def touch(count: int) -> None:
        done.append(count)
        os.utime(tmp_path / "ics" / SPECTRO, ns=(1, len(done)))

    fetch(exposure, tmp_path / "qlf", progress=touch)
    assert sum(done) == sum(abs(count) for count in done) == len(GOOD)


def test_a_file_cut_short_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics", {ETC: FILES[ETC], SPECTRO: GOOD}, hashed=False)

    def cut(count: int) -> None:
        if count > len(FILES[ETC]):
            os.truncate(tmp_path / "ics" / SPECTRO, 1000)

    with pytest.raises(Mismatch, match=rf"{SPECTRO} has 1000 bytes instead of {len(GOOD)}"):
        fetch(exposure, tmp_path / "qlf", progress=cut)
    assert SPECTRO not in contents(tmp_path / "qlf")
