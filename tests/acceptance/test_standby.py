"""Two publishers, of which one leads: it is killed, frozen, or loses the database, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.night import NIGHT, Night, files_in
from tests.processes import Daemon, Processes
from tests.waiting import wait_until
from tests.writing import Writer, wait_for_arrivals, wait_for_changes, written_once

from private_servers import PostgreSQL

KILLS = 3

LEADS = "relaying the exposureDB"
STANDS_BY = "another relay leads for this exposureDB; standing by"
MISSES = "trying again until it does"

# While nobody leads the cache may well be behind, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture
def night(processes: Processes, broker_url: str, subscriber: str, postgresql_url: str, tmp_path: Path) -> Night:
    return Night(processes, broker_url, subscriber, postgresql_url, files_in(tmp_path)[1])


def _standby(night: Night) -> Daemon:
    wait_until(lambda: night.newest() > 0, "the first publisher leading")
    second = night.start("publish")
    second.wait_for_log(STANDS_BY)
    return second


def _nothing_is_lost(night: Night) -> None:
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
    written_once(night)


def _of_the_database(publisher: Daemon) -> str:
    """What a publisher has said, but for what it said of the broker."""
    return "\n".join(line for line in publisher.log.splitlines() if "broker" not in line)


def _one_leads(*publishers: Daemon) -> bool:
    """Whether one leads and the others stand by, as what each said last tells; the first one says nothing of it."""
    states = [max((LEADS, STANDS_BY, MISSES), key=_of_the_database(each).rfind) for each in publishers]
    return sorted(states) == sorted([LEADS, *[STANDS_BY] * (len(states) - 1)])


def test_leaders_are_killed_while_exposures_change_and_who_stands_by_takes_over(
    processes: Processes, broker_url: str, subscriber: str, exposure_db_url: str, tmp_path: Path
) -> None:
    night = Night(processes, broker_url, subscriber, exposure_db_url, files_in(tmp_path)[1])
    leader = night.publisher
    with Writer(night) as writer:
        for _ in range(KILLS):
            second = _standby(night)
            wait_for_changes(writer, night.random.randrange(5, 60))
            leader.kill()
            second.wait_for_log(LEADS)
            wait_for_arrivals(night)
            leader = second
        assert _one_leads(leader, _standby(night))
    _nothing_is_lost(night)


def test_a_frozen_leader_is_found_out_and_stands_by_once_it_thaws(night: Night) -> None:
    frozen = night.publisher
    with Writer(night) as writer:
        second = _standby(night)
        wait_for_changes(writer, night.random.randrange(5, 60))
        frozen.freeze()
        second.wait_for_log(LEADS, seconds=60)
        wait_for_arrivals(night)
        frozen.thaw()
        frozen.wait_for_log(STANDS_BY)
        wait_for_arrivals(night)
        assert _one_leads(frozen, second)
        second.kill()
        frozen.wait_for_log(LEADS)
        wait_for_arrivals(night)
    _nothing_is_lost(night)
    assert "Traceback" not in frozen.log + second.log


@pytest.fixture
def own_postgresql(tmp_path: Path) -> Iterator[PostgreSQL]:
    """A server that a test may restart."""
    with PostgreSQL(tmp_path / "postgresql") as server:
        server.create_database("exposuredb")
        yield server


def test_postgresql_is_restarted_under_two_publishers_and_one_of_them_leads(
    own_postgresql: PostgreSQL, processes: Processes, broker_url: str, subscriber: str, tmp_path: Path
) -> None:
    night = Night(processes, broker_url, subscriber, own_postgresql.url("exposuredb"), files_in(tmp_path)[1])
    night.database.record(expid=1, night=NIGHT)
    second = _standby(night)
    for expid in range(2, 5):
        _kill_and_start(own_postgresql, night.publisher, second)
        night.database.record(expid=expid, night=NIGHT)
        wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
        wait_until(lambda: _one_leads(night.publisher, second), "one leading, and the other standing by")
    _nothing_is_lost(night)
    assert "Traceback" not in night.publisher.log + second.log


def _kill_and_start(server: PostgreSQL, *publishers: Daemon) -> None:
    said = [_of_the_database(each).count(MISSES) for each in publishers]

    def missed() -> bool:
        return all(_of_the_database(each).count(MISSES) > before for each, before in zip(publishers, said, strict=True))

    server.kill()
    wait_until(missed, "both missing the server")
    server.start()
