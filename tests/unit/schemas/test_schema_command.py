"""``python -m exposure_schemas`` writes the JSON Schemas, twice as well as once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from exposure_schemas import MESSAGE_TYPES, __main__
from exposure_schemas.json_schema import schema_text


def test_it_writes_a_file_for_each_message_type_into_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "json"
    result = CliRunner().invoke(__main__.main, [str(folder)])
    assert result.exit_code == 0, result.output
    for name in MESSAGE_TYPES:
        assert (folder / f"{name}.schema.json").read_text(encoding="utf-8") == schema_text(name)
    assert result.output.count(": written") == len(MESSAGE_TYPES)


def test_what_is_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    CliRunner().invoke(__main__.main, [str(tmp_path)])
    (tmp_path / "alarm.schema.json").write_text("{}", encoding="utf-8")
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    result = CliRunner().invoke(__main__.main, [str(tmp_path)])
    changed = {file.name for file in tmp_path.iterdir() if file.stat().st_mtime_ns != before[file.name]}
    assert changed == {"alarm.schema.json"}
    assert result.output.count(": as it was") == len(MESSAGE_TYPES) - 1


def test_outside_a_checkout_it_asks_for_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(__main__, "IN_THE_REPOSITORY", tmp_path / "json")
    result = CliRunner().invoke(__main__.main)
    assert result.exit_code == 2
    assert "FOLDER" in result.output
    assert not (tmp_path / "json").exists()


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    result = CliRunner().invoke(__main__.main, [str(tmp_path / "taken" / "json")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: cannot write the schemas")
    assert result.output.count("\n") == 1


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(__main__.main, ["--help"])
    assert "python -m exposure_schemas schemas/json" in result.output
