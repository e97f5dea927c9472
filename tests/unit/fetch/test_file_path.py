"""What a fetch returns."""

import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from tests.unit.fetch.examples import ETC, EXPID, FILES, fetch, sha256, written

from exposure_subscriber.fetch import FetchedFile


def test_it_is_used_wherever_a_path_is_taken(tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics"), tmp_path / "qlf")
    assert os.fspath(found) == str(found) == str(tmp_path / "qlf")
    assert {name: (Path(found) / name).read_bytes() for name in FILES} == FILES
    assert Path(found) / ETC == found.files[1].path


def test_it_names_each_file_with_class_size_and_hash(tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics"), tmp_path / "qlf", file_class="etc")
    path = tmp_path / "qlf" / f"etc-{EXPID:08d}.json"
    assert found.files == (
        FetchedFile(
            path=path, name=ETC, file_class="etc", size=len(FILES[ETC]), sha256=sha256(FILES[ETC]), verified=True
        ),
    )


def test_it_cannot_be_changed(tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics"), None)
    with pytest.raises(FrozenInstanceError):
        found.path = tmp_path  # type: ignore[misc]  # what is tested
    with pytest.raises(FrozenInstanceError):
        found.files[0].size = 0  # type: ignore[misc]  # what is tested


def test_its_text_for_programmers_shows_folder_and_files(tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics"), None, file_class="etc")
    assert repr(found).startswith(f"FilePath(path={tmp_path / 'ics'!r}, files=(FetchedFile(path=")


def test_a_relative_destination_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exposure = written(tmp_path / "ics")
    monkeypatch.chdir(tmp_path)
    assert fetch(exposure, Path("qlf")).path == tmp_path / "qlf"
