"""An audit: what agrees is proved by digests, each difference is named, and healing brings everything back."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.in_threads import running
from tests.listening import Listener, listening
from tests.night import files_in
from tests.processes import Processes
from tests.raw_sql import execute
from tests.waiting import wait_until

import ICSInterface
from exposure_bus.broker import envelope_of, properties_for
from exposure_bus.broker.blocking import publish_once
from exposure_bus.errors import Incomplete
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay, audits, relay
from exposure_schemas import AuditAnswer, AuditRequest, decode, encode
from exposure_schemas.routing import REPLAY_EXCHANGE, REQUEST_QUEUE
from exposure_subscriber.audit import Audit, NoAnswer, Proof, Publisher
from exposure_subscriber.audit.healing import mark, wait_until_healed
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower
from private_servers import PostgreSQL

NIGHT = 20230913
COUNT = 25
DATE = datetime(2023, 9, 14, 3, 4, 5, 678901, tzinfo=UTC)
FIRST = 200
"""The first expid of that night."""

_NUMBERS = itertools.count(1)


# On a busy machine a heartbeat of these quick ones may well be late, and then the cache says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)
    monkeypatch.setattr("exposure_subscriber.audit.audit.ON_ITS_WAY", 0.5)
    monkeypatch.setattr("exposure_subscriber.audit.audit.LOOK_AGAIN", 0.05)


class Site:
    """An exposureDB, a relay, and a cache that may be followed."""

    def __init__(self, broker_url: str, subscriber: str, exposure_db_url: str, cache_url: str) -> None:
        self.broker_url, self.subscriber, self.cache_url = broker_url, subscriber, cache_url
        self.exposure_db_url = exposure_db_url
        self.database = ExposureDB(exposure_db_url)
        self.cache = open_cache(cache_url)
        self.ics = ICSInterface.ICSInterface(cache_url, broker_url)

    def record(self, *expids: int, night: int = NIGHT, **values: object) -> None:
        self.database.record_many({"expid": expid, "night": night, **values} for expid in expids)

    @contextmanager
    def following(self) -> Iterator[None]:
        with running(Follower(self.broker_url, self.subscriber, self.cache)):
            yield

    def follow_until_complete(self) -> None:
        with self.following():
            wait_until(self._all_here, "the cache being complete")

    def _all_here(self) -> bool:
        status = self.ics.status()
        return bool(status["complete"] and status["exposures"] == len(list(self.database.exposures())))

    def audit(self, night: int | None = None) -> Proof:
        with Publisher(self.broker_url, self.subscriber, timeout=10) as publisher:
            mine = Audit(self.cache, publisher.ask)
            return mine.all_nights() if night is None else mine.night(night)


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: PostgreSQL) -> tuple[str, str]:
    """An exposureDB and a cache, both on the same kind of database."""
    if request.param == "sqlite":
        return files_in(tmp_path)
    names = [f"audit{next(_NUMBERS)}" for _ in range(2)]
    return postgresql_server.create_database(names[0]), postgresql_server.create_database(names[1])


@pytest.fixture
def site(broker_url: str, subscriber: str, databases: tuple[str, str]) -> Iterator[Site]:
    made = Site(broker_url, subscriber, *databases)
    with running(Relay(broker_url, made.exposure_db_url)):
        for night in (NIGHT - 1, NIGHT):
            numbers = range(first_of(night), first_of(night) + COUNT)
            made.record(*numbers, night=night, seeing=-0.0, airmass=1, program="Ünïcödé", exptype="science")
            made.record(
                first_of(night), night=night, tile_id=-99, date=datetime(2023, 9, 14, 3, 4, 5, 678901, tzinfo=UTC)
            )
        made.follow_until_complete()
        yield made
    made.database.close()


def first_of(night: int) -> int:
    """The first expid of a night."""
    return 100 * (night - NIGHT + 2)


def verdicts(proof: Proof) -> dict[int, str]:
    return {each.expid: str(each.verdict) for each in proof.wrong}


def test_what_agrees_is_proved_without_looking_at_each_exposure(site: Site) -> None:
    proof = site.audit()
    assert (proof.nights, proof.exposures, proof.findings) == (2, 2 * COUNT, ())
    assert proof.newest >= 2 * COUNT


def test_a_night_is_reported_exposure_by_exposure(site: Site) -> None:
    proof = site.audit(NIGHT)
    assert [each.expid for each in proof.findings] == list(range(FIRST, FIRST + COUNT))
    assert {str(each.verdict) for each in proof.findings} == {"ok"}


def test_each_difference_is_named_and_healing_brings_everything_back(site: Site) -> None:
    first = FIRST
    with site.following():
        execute(site.cache_url, f"DELETE FROM exposure WHERE expid = {first}")
        execute(site.cache_url, f"UPDATE exposure SET seeing = 9 WHERE expid = {first + 1}")
        execute(site.cache_url, f"UPDATE exposure SET sequence = 1, night = 20200101 WHERE expid = {first + 2}")
        execute(
            site.cache_url,
            f"INSERT INTO exposure (expid, night, data_written, data_written_at, sequence) "
            f"VALUES (7, {NIGHT}, 0, 0, 1)",
        )
        proof = site.audit()
        assert verdicts(proof) == {7: "extra", first: "older", first + 1: "differs", first + 2: "older"}
        mark(site.cache, proof.wrong)
        assert wait_until_healed(site.cache, proof.newest, 30)
    assert verdicts(site.audit()) == {}
    asked = site.ics.get_exposure_summary(expid_range=(0, 10**9), require_data_written=False)
    assert asked == list(site.database.exposures())


def test_what_never_came_is_a_hole_until_the_follower_brings_it(site: Site) -> None:
    site.record(1, 2, night=NIGHT)
    assert verdicts(site.audit()) == {1: "hole", 2: "hole"}
    site.follow_until_complete()
    assert verdicts(site.audit()) == {}


def test_an_exposure_that_changed_its_night_is_no_stranger(site: Site) -> None:
    execute(site.cache_url, f"UPDATE exposure SET night = {NIGHT} WHERE expid = {first_of(NIGHT - 1)}")
    assert verdicts(site.audit(NIGHT)) == {first_of(NIGHT - 1): "differs"}


def test_what_waits_for_its_files_is_not_announced(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    location = tmp_path_factory.mktemp("raw")
    (location / "checksum-00000001.sha256sum").write_text(f"{'0' * 64}  desi-00000001.fits.fz\n")
    with site.following():
        site.record(1, night=NIGHT)
        wait_until(lambda: not site.audit().wrong, "the row being announced")
        site.database.data_written(1, data_location=str(location))
        assert verdicts(site.audit()) == {1: "not announced"}


def test_a_busy_exposure_is_no_difference(site: Site) -> None:
    with site.following():
        for seeing in range(40):
            site.record(FIRST, seeing=seeing / 10)
            if seeing % 10 == 0:
                assert verdicts(site.audit()) == {}


def test_another_ledger_than_that_of_the_cache_is_said(site: Site) -> None:
    execute(site.cache_url, "UPDATE follower SET epoch = 'another'")
    with pytest.raises(Incomplete, match="the ledger another"):
        site.audit()


def test_without_a_publisher_there_is_no_answer(broker_url: str, subscriber: str) -> None:
    for_nobody = partial(pytest.fail, "waiting for a publisher that is not there")
    with (
        Publisher(broker_url, subscriber, timeout=0.1, busy=for_nobody) as publisher,
        pytest.raises(NoAnswer, match="exposure-bus publish"),
    ):
        publisher.ask()


class Busy:
    """A publisher that answers one request at a time, and has one of somebody else."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        listener.channel.basic_qos(prefetch_count=1)
        listener.say(AuditRequest(reply_to="another.audit-00000001", requested_at=DATE), "", REQUEST_QUEUE)
        self.requests = listener.channel.consume(REQUEST_QUEUE)
        self.tag = next(self.requests)[0].delivery_tag

    def answer_the_next(self) -> None:
        """Be done with that one, and say that there is nothing."""
        self.listener.channel.basic_ack(self.tag)
        _, properties, body = next(self.requests)
        request = decode(body, envelope_of(properties))
        assert isinstance(request, AuditRequest)
        nothing = AuditAnswer(epoch="ours", newest=7, published_at=DATE, part=0, last=True, nights=(), exposures=())
        self.listener.say(nothing, REPLAY_EXCHANGE, request.reply_to)


def test_who_stands_in_line_behind_others_waits_for_their_turn(broker_url: str, subscriber: str) -> None:
    with listening(broker_url) as listener:
        busy = Busy(listener)
        with Publisher(broker_url, subscriber, timeout=0.1, busy=busy.answer_the_next) as publisher:
            assert publisher.ask().newest == 7


def test_who_does_not_wait_for_their_turn_is_told_that_there_is_a_publisher(broker_url: str, subscriber: str) -> None:
    with listening(broker_url) as listener:
        Busy(listener)
        with (
            Publisher(broker_url, subscriber, timeout=0.1) as publisher,
            pytest.raises(NoAnswer, match=r"has been answering others for 0\.1 s: try again"),
        ):
            publisher.ask()


def test_an_answer_to_nobody_stops_nothing(site: Site) -> None:
    request = AuditRequest(reply_to="gone.audit-00000000", requested_at=datetime.now(UTC))
    publish_once(
        site.broker_url,
        "gone",
        exchange="",
        routing_key=REQUEST_QUEUE,
        body=encode(request),
        properties=properties_for(request, "a question"),
    )
    assert verdicts(site.audit()) == {}


def test_an_answer_that_takes_long_says_now_and_then_that_it_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "PAGE", 5)
    monkeypatch.setattr(audits, "A_WORD_EVERY", 0.0)
    asker = "asker.audit-00000001"
    with listening(site.broker_url, (REPLAY_EXCHANGE, asker)) as listener:
        listener.say(AuditRequest(reply_to=asker, requested_at=datetime.now(UTC)), "", REQUEST_QUEUE)
        listener.wait_until(lambda asked: any(part.last for part in answers(asked)), "the last part")
    parts = answers(listener)
    assert [part.part for part in parts] == list(range(len(parts)))
    assert [part.last for part in parts[:-1]] == [False] * (len(parts) - 1)
    assert len([part for part in parts if not part.nights]) > 2 * COUNT / 5
    assert [(night.night, night.exposures) for part in parts for night in part.nights] == [
        (NIGHT - 1, COUNT),
        (NIGHT, COUNT),
    ]


def answers(listener: Listener) -> list[AuditAnswer]:
    messages = (heard.message for heard in listener.heard)
    return [message for message in messages if isinstance(message, AuditAnswer)]


def test_rows_that_no_message_can_carry_are_missed_by_nobody(site: Site) -> None:
    execute(site.exposure_db_url, "INSERT INTO exposure (expid, night) VALUES (-5, 7)")
    assert verdicts(site.audit()) == {}


def test_the_command_reports_and_heals(site: Site, processes: Processes) -> None:
    processes.settings(broker_url=site.broker_url, cache_url=site.cache_url, subscriber=site.subscriber)
    proved = processes.run("audit")
    assert (proved.returncode, proved.stderr) == (0, "")
    assert proved.stdout.startswith("50 exposures in 2 nights agree with the exposureDB, at ")
    execute(site.cache_url, f"DELETE FROM exposure WHERE expid = {FIRST}")
    named = processes.run("audit", "--format", "json")
    assert named.returncode == 4
    (row,) = map(json.loads, named.stdout.splitlines())
    assert (row["expid"], row["night"], row["verdict"], row["here"]) == (FIRST, NIGHT, "older", None)
    alone = processes.run("audit", "--heal", "--timeout", "0.5")
    assert alone.returncode == 4
    assert "is `exposure-bus follow` running?" in alone.stderr
    with site.following():
        healed = processes.run("audit", "--heal")
    assert (healed.returncode, healed.stdout.count("agree")) == (0, 1)
    report = processes.run("audit", "--night", str(NIGHT))
    assert report.returncode == 0
    assert f"{FIRST}" in report.stdout
    assert "25 exposures in 1 night agree" in report.stdout


def test_the_command_says_in_one_line_what_is_not_there(broker_url: str, tmp_path: Path, processes: Processes) -> None:
    processes.settings(broker_url=broker_url, cache_url=f"sqlite:///{tmp_path}/none.sqlite", subscriber="qlf")
    silent = processes.run("audit", "--timeout", "0.5")
    assert (silent.returncode, silent.stderr.count("\n")) == (4, 1)
    assert "did not answer within 0.5 s; is `exposure-bus publish` running?" in silent.stderr
    with running(Relay(broker_url, f"sqlite:///{tmp_path}/exposuredb.sqlite")):
        missing = processes.run("audit")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "is `exposure-bus follow` running here?" in missing.stderr
