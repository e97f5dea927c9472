"""A commit of another process wakes who waits for it: SQLite, whose files the kernel watches."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exposure_bus.database import sqlite_path, wait_for_commit, watch_commits, watching
from exposure_bus.errors import DatabaseUnreachable


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        yield connection


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/db.sqlite"


def test_a_url_names_a_file_relative_absolute_or_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/root-of-somebody")
    assert sqlite_path("sqlite:///cache.sqlite") == tmp_path / "cache.sqlite"
    assert sqlite_path("sqlite:////data/cache.sqlite") == Path("/data/cache.sqlite")
    assert sqlite_path("sqlite:///~/cache.sqlite") == Path("/root-of-somebody/cache.sqlite")
    assert sqlite_path("postgresql://host/cache") is None


def test_one_file_is_one_file_under_whatever_link_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert sqlite_path(f"sqlite:///{tmp_path}/link/cache.sqlite") == tmp_path / "real" / "cache.sqlite"


def test_a_commit_wakes(tmp_path: Path, database: sqlite3.Connection) -> None:
    with watching(url(tmp_path), "unused") as watch:
        assert not wait_for_commit(watch, 0)
        database.execute("INSERT INTO t VALUES (1)")
        assert wait_for_commit(watch, 30)
        assert not wait_for_commit(watch, 0), "what was seen does not wake again"


def test_each_commit_wakes_even_if_the_log_is_begun_anew(tmp_path: Path, database: sqlite3.Connection) -> None:
    with watching(url(tmp_path), "unused") as watch:
        for _ in range(3):
            database.execute("INSERT INTO t VALUES (1)")
            assert wait_for_commit(watch, 30)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            while wait_for_commit(watch, 0):
                pass


def test_a_file_that_is_made_later_wakes(tmp_path: Path) -> None:
    with watching(url(tmp_path), "unused") as watch:
        with closing(sqlite3.connect(tmp_path / "db.sqlite")) as connection:
            connection.execute("CREATE TABLE t (x)")
        assert wait_for_commit(watch, 30)


def test_other_files_of_the_folder_do_not_wake(tmp_path: Path) -> None:
    with watching(url(tmp_path), "unused") as watch:
        (tmp_path / "db.sqlite.relay").write_text("x")
        (tmp_path / "other.sqlite-wal").write_text("x")
        assert not wait_for_commit(watch, 0)


def test_a_commit_behind_a_symbolic_link_wakes(tmp_path: Path, database: sqlite3.Connection) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.sqlite").symlink_to(tmp_path / "db.sqlite")
    with watching(f"sqlite:///{tmp_path}/elsewhere/link.sqlite", "unused") as watch:
        database.execute("INSERT INTO t VALUES (1)")
        assert wait_for_commit(watch, 30)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"cannot watch .*absent: No such file"):
        watch_commits(url(tmp_path / "absent"), "unused")


def test_a_process_that_has_no_descriptor_left_is_told_so(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(DatabaseUnreachable, match=r"cannot watch .*: Too many open files"):
            watch_commits(url(tmp_path), "unused")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_descriptor_is_closed_with_the_watch(tmp_path: Path) -> None:
    with watching(url(tmp_path), "unused") as watch:
        number = watch.fileno()
        assert Path(f"/proc/self/fd/{number}").exists()
    assert not Path(f"/proc/self/fd/{number}").exists()
