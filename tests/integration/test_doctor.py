"""``exposure-bus doctor`` beside real servers, well and unwell."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pika
import psycopg2
import pytest
from tests.processes import Processes
from tests.rabbitmqctl import memory_alarm
from tests.waiting import wait_until

from exposure_bus.broker import open_channel
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import declare_follower
from exposure_bus.doctor import Finding, Host, examine
from exposure_bus.settings import NAMES, PREFIX, load_settings, setting_sources
from exposure_publisher import ExposureDB
from exposure_publisher.ledger import open_ledger
from exposure_schemas import follower_queue
from exposure_schemas.routing import EXCHANGE, REJECTED_EXCHANGE, REPLAY_EXCHANGE
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.writing import CacheWriter
from ICSInterface import ICSInterface
from private_servers import PostgreSQL, RabbitMQ, free_port

NIGHT = 20230913


@dataclass(frozen=True)
class Patient:
    """A host with settings that somebody chose."""

    broker_url: str
    exposure_db_url: str
    cache_url: str
    subscriber: str

    def examine(self, **others: str) -> dict[str, Finding]:
        """Run the doctor; return its findings by what was looked at."""
        flags = vars(self) | others
        host = Host(settings=load_settings(flags), sources=setting_sources(flags))
        return {finding.check: finding for finding in examine(host)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nobody has set anything."""
    for name in (*NAMES, "config"):
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    folder = tmp_path / "home"
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(folder))
    folder.mkdir()
    return folder


@pytest.fixture
def patient(broker_url: str, subscriber: str, tmp_path: Path) -> Patient:
    return Patient(
        broker_url, f"sqlite:///{tmp_path}/exposuredb.sqlite", f"sqlite:///{tmp_path}/cache.sqlite", subscriber
    )


@pytest.fixture
def postgresql_patient(broker_url: str, subscriber: str, postgresql_server: PostgreSQL) -> Patient:
    exposure_db_url = postgresql_server.create_database(f"{subscriber}_exposuredb")
    return Patient(broker_url, exposure_db_url, postgresql_server.create_database(f"{subscriber}_cache"), subscriber)


def outcomes(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.outcome.value for check, finding in found.items()}


def number(patient: Patient, confirmed: int = 0) -> None:
    """Give each change of the exposureDB a number, as the relay does."""
    with closing(open_ledger(patient.exposure_db_url)) as ledger:
        changes = ledger.unnumbered(1000)
        ledger.number(changes, [None] * len(changes), confirmed)


@pytest.mark.parametrize("kind", ["patient", "postgresql_patient"])
def test_where_everything_runs_all_is_well(kind: str, request: pytest.FixtureRequest, processes: Processes) -> None:
    patient: Patient = request.getfixturevalue(kind)
    processes.settings(**vars(patient))
    with ExposureDB(patient.exposure_db_url) as database:
        database.record_many({"expid": expid, "night": NIGHT} for expid in range(3))
        relay, follower = processes.start("publish"), processes.start("follow")
        ics = ICSInterface(patient.cache_url)
        follower.wait_for_log("connected")
        wait_until(lambda: ics.status()["newest"] == 3 and ics.status()["complete"], "a complete cache")
        wait_until(lambda: "all confirmed" in patient.examine()["ledger"].finding, "the relay keeping the confirms")
        done = processes.run("doctor", "--format", "json")
    findings = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout + done.stderr
    assert {row["outcome"] for row in findings.values()} == {"ok"}
    assert {tuple(row) for row in findings.values()} == {("check", "outcome", "finding", "advice")}
    assert findings["exposureDB"]["finding"].endswith(", 3 exposures")
    assert findings["ledger"]["finding"] == "newest number 3, all confirmed by the broker"
    assert findings["relay"]["finding"] == "a relay leads"
    assert findings["cache"]["finding"].endswith(", 3 exposures, 0 written")
    assert findings["completeness"]["finding"].startswith("complete up to 3, at ")
    assert findings[f"queue {follower_queue(patient.subscriber)}"]["finding"] == "0 messages waiting, 1 connected"
    assert findings["queue exposures.requests"]["finding"] == "a relay reads it, 0 messages waiting"
    assert findings["publishing"]["finding"] == "the broker takes messages"
    assert relay.running
    assert follower.running


def test_what_this_host_does_not_have_is_not_here_and_no_failure(
    broker_url: str, processes: Processes, home: Path
) -> None:
    done = processes.run("doctor", broker_url=broker_url)
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not here  there is no " in lines["exposureDB"]
    assert "not here  there is no " in lines["cache"]
    assert "nobody follows as qlf" in lines["queue exposures.qlf"]
    assert "warning" in lines["queue exposures.requests"]
    assert done.stdout.splitlines()[-1].startswith("2 warning, 2 not here, ")
    assert done.stderr == ""
    assert list(home.iterdir()) == []


def test_what_somebody_chose_and_is_not_there_is_a_warning_and_is_not_made(patient: Patient, tmp_path: Path) -> None:
    found = patient.examine()
    assert found["exposureDB"].outcome.value == found["cache"].outcome.value == "warning"
    assert f"there is no {tmp_path}/exposuredb.sqlite" in found["exposureDB"].finding
    assert "exposure-bus publish" in found["exposureDB"].advice
    assert "exposure-bus follow" in found["cache"].advice
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_it_leaves_no_trace(patient: Patient, tmp_path: Path) -> None:
    with ExposureDB(patient.exposure_db_url) as database:
        database.record(expid=1, night=NIGHT)
    cache = open_cache(patient.cache_url)
    CacheWriter(cache)
    cache.close()
    before = _content(tmp_path)
    found = patient.examine()
    assert found["exposureDB"].finding.endswith(", 1 exposure")
    assert found["cache"].finding.endswith(", 0 exposures, 0 written")
    assert _content(tmp_path) == before
    assert set(before) == {"exposuredb.sqlite", "cache.sqlite"}


@pytest.mark.parametrize("kind", ["patient", "postgresql_patient"])
def test_changes_and_confirms_that_wait_while_nobody_relays_are_warnings(
    kind: str, request: pytest.FixtureRequest
) -> None:
    patient: Patient = request.getfixturevalue(kind)
    with ExposureDB(patient.exposure_db_url) as database:
        database.record_many({"expid": expid, "night": NIGHT} for expid in range(5))
        number(patient, confirmed=2)
        database.record(expid=1, night=NIGHT, seeing=1.0)
        database.record(expid=1, night=NIGHT, seeing=2.0)
    found = patient.examine()
    assert found["changes"].finding == "1 exposure changed and not yet numbered"
    assert found["ledger"].finding == "newest number 5, confirmed by the broker up to 2"
    assert found["relay"].finding == "nobody relays this exposureDB"
    assert {found[check].outcome.value for check in ("changes", "ledger", "relay")} == {"warning"}
    assert found["triggers"].outcome.value == "ok"


def test_a_relay_that_was_killed_leads_no_longer(patient: Patient, processes: Processes) -> None:
    relay = processes.settings(**vars(patient)).start("publish")
    wait_until(lambda: outcomes(patient.examine()).get("relay") == "ok", "the relay leading")
    relay.kill()
    assert patient.examine()["relay"].finding == "nobody relays this exposureDB"


def test_a_missing_trigger_is_a_failure_that_names_it(patient: Patient, tmp_path: Path) -> None:
    ExposureDB(patient.exposure_db_url).close()
    with closing(sqlite3.connect(tmp_path / "exposuredb.sqlite")) as connection:
        connection.execute("DROP TRIGGER exposure_updated")
    triggers = patient.examine()["triggers"]
    assert triggers.outcome.value == "failed"
    assert triggers.finding == "missing or disabled: exposure_updated; changes may go unannounced"


@pytest.mark.parametrize("change", ["DISABLE TRIGGER exposure_inserted", "ENABLE TRIGGER exposure_inserted"])
def test_a_trigger_that_does_not_always_fire_is_a_failure(change: str, postgresql_patient: Patient) -> None:
    ExposureDB(postgresql_patient.exposure_db_url).close()
    with closing(psycopg2.connect(postgresql_patient.exposure_db_url)) as connection, connection:
        connection.cursor().execute(f"ALTER TABLE exposure {change}")
    triggers = postgresql_patient.examine()["triggers"]
    assert triggers.outcome.value == "failed"
    assert "missing or disabled: exposure_inserted;" in triggers.finding


def test_databases_that_cannot_be_read_are_failures(patient: Patient, tmp_path: Path) -> None:
    for name in ("exposuredb.sqlite", "cache.sqlite"):
        (tmp_path / name).write_text("no database at all, but long enough to be taken for one\n" * 100)
    found = patient.examine()
    assert found["exposureDB"].outcome.value == found["cache"].outcome.value == "failed"
    assert "not a database" in found["exposureDB"].finding
    assert "not a database" in found["cache"].finding


def test_databases_without_our_tables_are_told_from_those_that_do_not_answer(
    postgresql_patient: Patient,
) -> None:
    empty = postgresql_patient.examine()
    assert empty["exposureDB"].outcome.value == "warning"
    assert "has no ledger yet" in empty["exposureDB"].finding
    assert empty["cache"].outcome.value == "failed"
    assert "exposure-bus follow" in empty["cache"].advice
    nowhere = f"postgresql://ics:secret@127.0.0.1:{free_port()}/x"
    away = postgresql_patient.examine(exposure_db_url=nowhere, cache_url=nowhere)
    assert away["exposureDB"].outcome.value == away["cache"].outcome.value == "failed"
    assert not any("secret" in finding.finding + finding.advice for finding in away.values())


def test_a_cache_with_a_hole_is_incomplete_and_gives_code_4(
    patient: Patient, processes: Processes, tmp_path: Path
) -> None:
    CacheWriter(open_cache(patient.cache_url))
    with closing(sqlite3.connect(tmp_path / "cache.sqlite")) as connection, connection:
        connection.execute(
            "UPDATE follower SET epoch = 'e', covered = '[[1, 3], [6, 9]]', newest = 9, beat_interval = 5,"
            "heard_at = strftime('%s', 'now') * 1000000"
        )
    done = processes.settings(**vars(patient)).run("doctor", "--format", "csv")
    assert done.returncode == 4, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("completeness,")]
    assert line.startswith('completeness,incomplete,"missing 2 of 9 (4-5), at ')
    assert "healing asks for what is missing" in line


def test_a_cache_whose_publisher_is_silent_is_incomplete(patient: Patient) -> None:
    CacheWriter(open_cache(patient.cache_url))
    completeness = patient.examine()["completeness"]
    assert completeness.outcome.value == "incomplete"
    assert "no heartbeat yet" in completeness.finding


def test_messages_that_could_not_be_read_are_counted_by_reason(patient: Patient, processes: Processes) -> None:
    processes.settings(**vars(patient)).start("follow").wait_for_log("connected")
    with open_channel(patient.broker_url, "test") as channel:
        channel.confirm_delivery()
        for content_type in ("application/msgpack", "application/msgpack", "text/plain"):
            properties = pika.BasicProperties(
                type="exposure-summary", content_type=content_type, headers={"schema_version": 1}
            )
            channel.basic_publish(REPLAY_EXCHANGE, patient.subscriber, b"\xc1", properties)
    found = wait_until(
        lambda: (each := patient.examine()["set aside"]).finding.startswith("3 ") and each, "three messages set aside"
    )
    assert isinstance(found, Finding)
    assert found.outcome.value == "warning"
    assert found.finding == "3 messages could not be read: 2 unreadable, 1 unknown-encoding"


def test_alarms_that_wait_for_ics_are_counted(patient: Patient) -> None:
    CacheWriter(open_cache(patient.cache_url))
    ics = ICSInterface(patient.cache_url, f"amqp://127.0.0.1:{free_port()}", patient.subscriber)
    assert not ics.alarm("no arc lines found")
    alarms = patient.examine()["alarms"]
    assert (alarms.outcome.value, alarms.finding) == ("warning", "1 waiting for ICS")


def test_dead_letters_and_messages_that_nobody_reads_are_counted(patient: Patient) -> None:
    declare(patient.broker_url, "test", declare_follower(patient.subscriber))
    with open_channel(patient.broker_url, "test") as channel:
        channel.confirm_delivery()
        for _ in range(2):
            channel.basic_publish(REJECTED_EXCHANGE, "exposure.written.science.dark", b"", mandatory=True)
        channel.basic_publish(EXCHANGE, "exposure.written.science.dark", b"", mandatory=True)
    found = patient.examine()
    assert found["queue exposures.rejected"].outcome.value == "warning"
    assert found["queue exposures.rejected"].finding == "2 messages given up by followers' queues"
    queue = found[f"queue {follower_queue(patient.subscriber)}"]
    assert (queue.outcome.value, queue.finding) == ("warning", "nobody reads it, 1 message waiting")


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker to which nothing has been declared, and that a test may alarm."""
    with RabbitMQ(tmp_path_factory.mktemp("node")) as node:
        yield node


def test_an_empty_broker_is_full_of_warnings_and_stays_empty(own_broker: RabbitMQ, patient: Patient) -> None:
    empty = patient.examine(broker_url=own_broker.url)
    assert empty["exchanges"].outcome.value == "warning"
    assert empty["exchanges"].finding.startswith("not there: exposures, exposures.replay, ")
    standing = {finding.outcome.value for check, finding in empty.items() if check.startswith(("queue", "stream"))}
    assert standing == {"warning"}
    assert empty["publishing"].outcome.value == "ok"
    assert patient.examine(broker_url=own_broker.url)["exchanges"] == empty["exchanges"]


def test_a_user_without_rights_can_look_too(own_broker: RabbitMQ, patient: Patient) -> None:
    own_broker.ctl("add_user", "ics", "secret")
    own_broker.ctl("set_permissions", "ics", "^$", "^exposures$", "^$")
    declare(own_broker.url, "test", declare_follower(patient.subscriber))
    found = patient.examine(broker_url=own_broker.url.replace("guest:guest", "ics:secret"))
    assert found["exchanges"].outcome.value == "ok"
    assert found[f"queue {follower_queue(patient.subscriber)}"].finding == "nobody reads it, 0 messages waiting"
    assert found["publishing"].finding == "this user may not publish to where it could be tried"


def test_a_broker_that_takes_no_messages_is_a_failure(own_broker: RabbitMQ, patient: Patient) -> None:
    with memory_alarm(own_broker):
        publishing = patient.examine(broker_url=own_broker.url)["publishing"]
    assert publishing.outcome.value == "failed"
    assert publishing.finding == "the broker takes no messages: it has a memory or disk alarm"


def test_a_broker_that_is_away_is_a_failure_unless_another_address_answers(patient: Patient) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    away = patient.examine(broker_url=f"amqp://ics:secret@{nowhere}")
    assert away[f"broker {nowhere}"].outcome.value == "failed"
    assert not any(check.startswith("queue") for check in away)
    assert not any("secret" in finding.finding + finding.advice for finding in away.values())
    one_of_two = patient.examine(broker_url=f"amqp://{nowhere},{patient.broker_url}")
    assert one_of_two[f"broker {nowhere}"].outcome.value == "warning"
    assert one_of_two["publishing"].outcome.value == "ok"


def test_credentials_that_the_broker_refuses_are_a_failure(patient: Patient, processes: Processes) -> None:
    processes.settings(**vars(patient))
    done = processes.run("doctor", broker_url=patient.broker_url.replace("guest:guest", "guest:wrong"))
    assert done.returncode == 1
    assert "refuses the user, the password or the virtual host" in done.stdout
    assert "mend user, password or virtual host in broker_url" in done.stdout
    assert "wrong" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_a_full_disk_is_a_failure_and_little_space_a_warning(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    CacheWriter(open_cache(patient.cache_url))
    for name, outcome in (("NO_SPACE", "failed"), ("LITTLE_SPACE", "warning")):
        with monkeypatch.context() as patched:
            patched.setattr(f"exposure_subscriber.checks.{name}", 10**30)
            assert patient.examine()["disk space"].outcome.value == outcome
    assert patient.examine()["disk space"].outcome.value == "ok"
