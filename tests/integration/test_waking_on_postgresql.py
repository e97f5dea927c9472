"""A commit of another process wakes who waits for it: PostgreSQL, which notifies."""

import pytest
from tests.raw_sql import connected, execute

from exposure_bus.database import wait_for_commit, watch_commits, watching
from exposure_bus.errors import DatabaseUnreachable

CHANNEL = "test_channel"


def test_a_notification_wakes_once_its_transaction_commits_and_only_then(postgresql_url: str) -> None:
    with watching(postgresql_url, CHANNEL) as watch, connected(postgresql_url) as connection:
        assert not wait_for_commit(watch, 0)
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(f"NOTIFY {CHANNEL}")
        assert not wait_for_commit(watch, 0)
        cursor.execute("COMMIT")
        assert wait_for_commit(watch, 30)
        assert not wait_for_commit(watch, 0), "what was heard does not wake again"


def test_another_channel_and_a_rollback_do_not_wake(postgresql_url: str) -> None:
    with watching(postgresql_url, CHANNEL) as watch:
        execute(postgresql_url, "NOTIFY another_channel", "BEGIN", f"NOTIFY {CHANNEL}", "ROLLBACK")
        assert not wait_for_commit(watch, 0.1)


def test_many_notifications_wake_as_one(postgresql_url: str) -> None:
    with watching(postgresql_url, CHANNEL) as watch:
        execute(postgresql_url, *[f"NOTIFY {CHANNEL}"] * 50)
        while wait_for_commit(watch, 0.1):
            pass
        execute(postgresql_url, f"NOTIFY {CHANNEL}")
        assert wait_for_commit(watch, 30)


def test_a_server_that_cuts_the_connection_is_said(postgresql_url: str) -> None:
    with watching(postgresql_url, CHANNEL) as watch:
        execute(
            postgresql_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        with pytest.raises(DatabaseUnreachable, match="the database"):
            wait_for_commit(watch, 30)


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    with pytest.raises(DatabaseUnreachable, match=r"cannot listen to the database: .*refused") as raised:
        watch_commits("postgresql://ics:SECRET@127.0.0.1:1/desi", CHANNEL)
    assert "SECRET" not in str(raised.value)
