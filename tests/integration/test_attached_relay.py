"""The relay of an attached table: the least rights, and what becomes of it when the bus is taken off."""

import dataclasses
from pathlib import Path

import pytest
from tests import ics_table
from tests.in_threads import running
from tests.processes import Processes
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.errors import DatabaseError
from exposure_bus.settings import TableSettings
from exposure_publisher.attach import attach, detach, mapping_of
from exposure_publisher.relay import Relay, relay
from exposure_subscriber.cache import CacheDatabase, open_cache
from exposure_subscriber.follower import Follower

DESI = mapping_of(TableSettings(), "desi")


@pytest.fixture(autouse=True)
def quick_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)


def test_the_relay_needs_no_more_rights_than_the_page_says(
    processes: Processes, broker_url: str, postgresql_url: str
) -> None:
    table = ics_table.make(postgresql_url)
    ics_table.fill(postgresql_url, table, 10)
    attach(postgresql_url, table, DESI)
    page = Path(__file__).parents[2] / "docs" / "attach.md"
    role = "relay_" + postgresql_url.rpartition("/")[2]
    grants = page.read_text().partition("```sql\n")[2].partition("```")[0].replace("exposure_relay", role)
    execute(postgresql_url, grants)
    relay_url = postgresql_url.replace("postgres@", f"{role}@")
    execute(postgresql_url, f"DELETE FROM {table} WHERE id = 1")
    done = processes.run("publish", "--once", broker_url=broker_url, exposure_db_url=relay_url)
    assert done.returncode == 0, done
    numbered = execute(postgresql_url, "SELECT expid FROM exposure_bus.exposure_ledger ORDER BY expid")
    assert numbered == [(expid,) for expid in range(2, 11)]
    attach(postgresql_url, table, dataclasses.replace(DESI, where=""))
    done = processes.run("publish", "--once", broker_url=broker_url, exposure_db_url=relay_url)
    assert done.returncode == 0, "another mapping is another view, which it may read too"
    for forbidden in (f"SELECT 1 FROM {table}", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="permission denied"):
            execute(relay_url, forbidden)
    execute(postgresql_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_running_relay_survives_detaching_and_makes_nothing_there(
    broker_url: str, subscriber: str, exposure_db_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = ics_table.make(exposure_db_url)
    ics_table.fill(exposure_db_url, table, 10)
    cache = open_cache(f"sqlite:///{tmp_path}/cache.sqlite")
    attach(exposure_db_url, table, DESI)
    with running(Relay(broker_url, exposure_db_url)), running(Follower(broker_url, subscriber, cache)):
        wait_until(lambda: _expids(cache) == list(range(1, 11)), "a complete cache")
        detach(exposure_db_url)
        wait_until(lambda: "no ledger" in caplog.text, "the relay finding nothing")
        attach(exposure_db_url, table, DESI)
        execute(exposure_db_url, f"INSERT INTO {table} (id, night) VALUES (11, 20230913)")
        wait_until(lambda: _expids(cache) == list(range(1, 12)), "the new ledger in the cache", seconds=60)


def _expids(cache: CacheDatabase) -> list[int]:
    try:
        return [expid for (expid,) in cache.query("SELECT expid FROM exposure ORDER BY expid")]
    except DatabaseError:
        return []
