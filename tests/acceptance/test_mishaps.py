"""What somebody deletes, freezes or leaves standing by: it comes right again without an operator."""

import json
from pathlib import Path

import pika
import pytest
from tests.night import NIGHT, Night, files_in
from tests.processes import Processes
from tests.waiting import wait_until

from exposure_schemas.routing import EXCHANGE, REQUEST_QUEUE
from private_servers import RabbitMQ

pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture
def night(processes: Processes, broker_url: str, subscriber: str, tmp_path: Path) -> Night:
    return Night(processes, broker_url, subscriber, *files_in(tmp_path))


def _is_healed(night: Night) -> None:
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=90)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")


def test_an_exchange_that_was_deleted_is_laid_again(night: Night, broker_url: str) -> None:
    night.database.record(expid=1, night=NIGHT)
    _is_healed(night)
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        connection.channel().exchange_delete(EXCHANGE)
    night.database.record(expid=2, night=NIGHT)
    _is_healed(night)


def test_requests_that_have_no_queue_any_more_get_one(
    night: Night, broker_url: str, processes: Processes, tmp_path: Path
) -> None:
    night.database.record_many({"expid": expid, "night": NIGHT} for expid in range(60))
    _is_healed(night)
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        connection.channel().queue_delete(REQUEST_QUEUE)
    night.follower.end()
    for file in tmp_path.glob("cache.sqlite*"):
        file.unlink()
    processes.start("follow")
    _is_healed(night)


def test_a_follower_that_stood_by_goes_on_where_the_first_one_was(night: Night, processes: Processes) -> None:
    second = processes.start("follow")
    second.wait_for_log("connected")
    _write(night, range(1, 46))
    _is_healed(night)
    assert _new(night) == set(range(1, 46))
    night.follower.kill()
    _write(night, range(46, 56))
    _is_healed(night)
    assert _new(night) == set(range(46, 56))


def test_a_publisher_that_was_killed_is_said_by_status_until_it_is_back(night: Night, processes: Processes) -> None:
    night.database.record(expid=1, night=NIGHT)
    _is_healed(night)
    night.publisher.kill()
    night.database.record(expid=2, night=NIGHT)  # nobody can know of it here
    wait_until(lambda: night.ics.status()["silent"], "three heartbeats being overdue")
    heard_at, newest = night.ics.status()["heard_at"], night.newest()
    told = processes.run("status")
    line = f"complete up to {newest}, no heartbeat since {heard_at:%Y-%m-%dT%H:%M:%S}Z"
    assert (told.returncode, told.stdout.splitlines()[0], told.stderr) == (4, line, "")
    assert json.loads(processes.run("status", "--format", "json").stdout)["complete"] is False
    summary = processes.run("summary", "--last", "--pending")
    assert "no heartbeat since" in summary.stderr
    night.start("publish")
    _is_healed(night)
    assert night.newest() == newest + 1
    assert wait_until(lambda: processes.run("status").returncode == 0, "all being well")


def test_a_frozen_broker_is_waited_for_and_costs_no_alarm(processes: Processes, tmp_path: Path) -> None:
    with RabbitMQ(tmp_path / "node") as broker:
        night = Night(processes, broker.url, "qlf", *files_in(tmp_path))
        night.database.record(expid=1, night=NIGHT)
        _is_healed(night)
        night.publisher.end()
        night.follower.end()
        broker.freeze()
        publisher, follower = night.start("publish"), night.start("follow")
        kept = processes.run("alarm", "nobody answers")
        assert (kept.returncode, "kept in the cache" in kept.stdout) == (0, True), kept.stderr
        publisher.wait_for_log("does not answer")
        follower.wait_for_log("does not answer")
        broker.thaw()
        night.database.record(expid=2, night=NIGHT)
        _is_healed(night)
        assert "Traceback" not in publisher.log + follower.log + kept.stderr
        assert night.ics.status()["alarms_waiting"] == 1, "nobody listens to alarms, so it is kept"


def _write(night: Night, expids: range) -> None:
    for expid in expids:
        night.database.record(expid=expid, night=NIGHT)
        night.database.data_written(expid, data_location="/data")


def _new(night: Night) -> set[int]:
    return {exposure["expid"] for exposure in night.ics.new_exposures(timeout=0.5)}
