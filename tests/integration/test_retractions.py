"""What is deleted from the exposureDB leaves every cache, whoever was away, and comes back only by a later row.

Two pairs: each kind of exposureDB with the other kind of cache.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.in_threads import running
from tests.listening import Listener, listening
from tests.raw_sql import changes, execute
from tests.waiting import wait_until

import ICSInterface
from exposure_bus.errors import DatabaseError
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay, relay
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE
from exposure_subscriber.audit import Audit, Proof, Publisher
from exposure_subscriber.audit.healing import mark
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.follower import Follower
from private_servers import PostgreSQL

NIGHT = 20230913

# On a busy machine a heartbeat of these quick ones may well be late, and then the cache says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture(autouse=True)
def quick_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)


class Site:
    """An exposureDB and a cache, of which either side may be down."""

    def __init__(self, broker_url: str, subscriber: str, exposure_db_url: str, cache_url: str) -> None:
        self.broker_url, self.subscriber = broker_url, subscriber
        self.exposure_db_url, self.cache_url = exposure_db_url, cache_url
        self.database = ExposureDB(exposure_db_url)
        self.cache = open_cache(cache_url)
        self.ics = ICSInterface.ICSInterface(cache_url, broker_url)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        with running(Relay(self.broker_url, self.exposure_db_url)):
            yield

    @contextmanager
    def following(self) -> Iterator[None]:
        with running(Follower(self.broker_url, self.subscriber, self.cache)):
            yield

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with self.publishing(), self.following():
            yield

    def write(self, *expids: int) -> None:
        """Insert exposures whose data is written."""
        row = {"night": NIGHT, "exptype": "science", "data_written": True}
        self.database.record_many({"expid": expid, **row} for expid in expids)

    def delete(self, condition: str) -> None:
        execute(self.exposure_db_url, f"DELETE FROM exposure WHERE {condition}")

    def cached(self) -> list[int]:
        return [expid for (expid,) in self.cache.query("SELECT expid FROM exposure ORDER BY expid")]

    def wait_until_cached(self, *expids: int) -> None:
        """Wait until the cache is complete and has these, and no others."""
        wait_until(lambda: self._has(expids), f"the cache having {expids}")

    def _has(self, expids: tuple[int, ...]) -> bool:
        try:
            complete = not changes(self.exposure_db_url) and read_freshness(self.cache).complete
            return complete and self.cached() == [*expids]
        except DatabaseError:  # the follower has not made it yet
            return False

    def new(self) -> list[int]:
        return [each["expid"] for each in self.ics.new_exposures(timeout=0)]

    def audit(self) -> Proof:
        with Publisher(self.broker_url, self.subscriber, timeout=10) as publisher:
            return Audit(self.cache, publisher.ask).all_nights()


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite"])
def site(
    request: pytest.FixtureRequest, broker_url: str, subscriber: str, postgresql_server: PostgreSQL, tmp_path: Path
) -> Iterator[Site]:
    on_server = postgresql_server.create_database(f"retractions_{subscriber.replace('-', '_').lower()}")
    in_file = f"sqlite:///{tmp_path}/database.sqlite"
    urls = (in_file, on_server) if request.param.startswith("sqlite") else (on_server, in_file)
    made = Site(broker_url, subscriber, *urls)
    with ExitStack() as stack:
        stack.callback(made.database.close)
        yield made


def test_what_is_deleted_leaves_the_cache_and_comes_back_as_new_when_it_is_inserted_again(site: Site) -> None:
    with site.at_work():
        site.write(1, 2, 3)
        site.wait_until_cached(1, 2, 3)
        assert sorted(site.new()) == [1, 2, 3]
        site.delete("expid > 1")
        site.wait_until_cached(1)
        assert site.new() == []
        site.write(2)
        site.wait_until_cached(1, 2)
        assert site.new() == [2]
        with pytest.raises(ICSInterface.NoSuchExposure):
            site.ics.get_exposure_files(3)


def test_what_is_deleted_while_nobody_is_at_work_leaves_the_cache_later(site: Site) -> None:
    with site.at_work():
        site.write(1, 2, 3)
        site.wait_until_cached(1, 2, 3)
    site.delete("expid = 2")
    execute(site.exposure_db_url, "UPDATE exposure SET expid = 30 WHERE expid = 3")
    site.write(7)
    site.delete("expid = 7")
    with site.publishing():
        wait_until(lambda: not changes(site.exposure_db_url), "everything having a number")
        with site.following():
            site.wait_until_cached(1, 30)


def test_an_emptied_table_empties_the_cache(site: Site) -> None:
    truncate = "DELETE FROM exposure" if site.exposure_db_url.startswith("sqlite") else "TRUNCATE exposure"
    with site.at_work():
        site.write(*range(1, 600))
        site.wait_until_cached(*range(1, 600))
        execute(site.exposure_db_url, truncate)
        site.wait_until_cached()
        site.write(5)
        site.wait_until_cached(5)


def test_a_new_follower_of_a_history_with_retractions_becomes_complete_without_them(site: Site) -> None:
    with site.publishing():
        site.write(*range(1, 30))
        wait_until(lambda: not changes(site.exposure_db_url), "everything having a number")
        site.delete("expid > 10")
        site.write(20)
        wait_until(lambda: not changes(site.exposure_db_url), "everything having a number")
        with site.following():
            site.wait_until_cached(*range(1, 11), 20)
        assert site.audit().findings == ()


@pytest.fixture
def listener(broker_url: str) -> Iterator[Listener]:
    with listening(broker_url, (EXCHANGE, EVERY_EXPOSURE)) as heard:
        yield heard


def test_a_late_copy_of_an_older_message_does_not_bring_it_back(site: Site, listener: Listener) -> None:
    with site.at_work():
        site.write(1)
        site.wait_until_cached(1)
        (*_, older) = listener.wait_for(1)
        site.delete("expid = 1")
        site.wait_until_cached()
        listener.say(older, EXCHANGE, "exposure.written.science.none")
        site.write(2)
        site.wait_until_cached(2)


def test_a_retraction_has_a_message_and_a_key_of_its_own(site: Site, listener: Listener) -> None:
    with listening(site.broker_url, (EXCHANGE, "exposure.written.science.#")) as of_a_kind, site.at_work():
        site.write(1)
        site.wait_until_cached(1)
        site.delete("expid = 1")
        site.wait_until_cached()
        message = listener.wait_for(2)[-1]
        assert (message.exposures, message.replayed) == ((), False)
        assert [each.expid for each in message.retracted] == [1]
        assert message.covers == (message.retracted[0].sequence,) * 2
        assert listener.heard[-1].routing_key == "exposure.retracted"
        assert all(not each.retracted for each in of_a_kind.summaries)


def test_an_audit_finds_what_is_kept_though_it_is_gone_and_healing_drops_it(site: Site) -> None:
    with site.at_work():
        site.write(1, 2)
        site.wait_until_cached(1, 2)
        site.delete("expid = 2")
        site.wait_until_cached(1)
        execute(site.cache_url, "DELETE FROM retracted", "UPDATE exposure SET expid = 2, sequence = 2")
        proof = site.audit()
        assert {each.expid: str(each.verdict) for each in proof.wrong} == {1: "older", 2: "extra"}
        mark(site.cache, proof.wrong)
        site.wait_until_cached(1)
        assert site.audit().findings == ()


def test_a_deletion_on_its_way_is_no_finding(site: Site) -> None:
    with site.at_work():
        for _ in range(5):
            site.write(1, 2)
            site.wait_until_cached(1, 2)
            site.delete("expid = 2")
            assert site.audit().wrong == ()
