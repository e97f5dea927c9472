"""Without a destination: nothing is copied, everything asked for is there."""

from pathlib import Path

import pytest
from tests.unit.fetch.examples import ETC, FILES, SPECTRO, exposure_at, fetch, manifest_of, sha256, write, written

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import LocationRefused, Mismatch, SourceUnreachable


def test_the_location_as_this_host_sees_it_is_returned(tmp_path: Path) -> None:
    write(tmp_path / "mnt" / "20240105")
    exposure = exposure_at("/ics/raw/20240105", manifest_of(FILES))
    found = fetch(exposure, None, location_map={"/ics/raw": str(tmp_path / "mnt")})
    assert found.path == tmp_path / "mnt" / "20240105"
    assert {file.path.name: file.sha256 for file in found.files} == {n: sha256(c) for n, c in FILES.items()}


def test_bytes_done_add_up_to_the_sizes(tmp_path: Path) -> None:
    done: list[int] = []
    fetch(written(tmp_path / "ics"), None, progress=done.append)
    assert sum(done) == sum(map(len, FILES.values()))


def test_a_size_that_is_not_the_manifests_is_a_mismatch(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    (tmp_path / "ics" / SPECTRO).write_bytes(b"short")
    with pytest.raises(Mismatch, match=rf"{SPECTRO} has 5 bytes instead of {len(FILES[SPECTRO])}"):
        fetch(exposure, None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")
    (tmp_path / "ics" / ETC).unlink()
    with pytest.raises(SourceUnreachable, match=rf"cannot read .*/{ETC}: No such file or directory"):
        fetch(exposure, None)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=rf"cannot read {tmp_path}/ics: No such file or directory"):
        fetch(exposure_at(tmp_path / "ics", manifest_of(FILES)), None)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "ics").write_bytes(b"")
    with pytest.raises(SourceUnreachable, match="Not a directory"):
        fetch(exposure_at(tmp_path / "ics", None), None)


def test_a_folder_of_another_host_cannot_be_looked_at() -> None:
    with pytest.raises(LocationRefused, match="https://ics/raw"):
        fetch(exposure_at("https://ics/raw", ()), None)


def test_a_folder_in_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ETC).mkdir()
    exposure = exposure_at(tmp_path, (ManifestFile(name=ETC, file_class="etc", size=4096),))
    with pytest.raises(SourceUnreachable, match="not a regular file"):
        fetch(exposure, None)
