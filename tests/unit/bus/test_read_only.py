"""Reading a SQLite file without a trace."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exposure_bus.database.read_only import read_only_uri


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "what? a #name.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE number (value INTEGER)")
        connection.execute("INSERT INTO number VALUES (1)")
        connection.commit()
    return path


def _numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(read_only_uri(path), uri=True)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM number")]


def test_a_file_that_nobody_has_open_is_read_and_nothing_is_left_beside_it(database: Path) -> None:
    content = database.read_bytes()
    assert _numbers(database) == [1]
    assert list(database.parent.iterdir()) == [database]
    assert database.read_bytes() == content


def test_what_a_writer_has_committed_and_not_yet_moved_into_the_file_is_read_too(database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("INSERT INTO number VALUES (2)")
        writer.commit()
        before = sorted(database.parent.iterdir())
        assert _numbers(database) == [1, 2]
        assert sorted(database.parent.iterdir()) == before


def test_nothing_can_be_written(database: Path) -> None:
    with (
        closing(sqlite3.connect(read_only_uri(database), uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("INSERT INTO number VALUES (3)")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        _numbers(tmp_path / "absent.sqlite")
    assert list(tmp_path.iterdir()) == []
