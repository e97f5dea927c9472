"""A follower of another version takes a cache over: it is rebuilt while exposures change, without an operator."""

from pathlib import Path

import pytest
from tests.listening import listening
from tests.night import NIGHT, Night, files_in
from tests.other_versions import before_versions, newer
from tests.processes import Processes
from tests.raw_sql import execute
from tests.waiting import wait_until
from tests.writing import Writer, wait_for_changes

from exposure_schemas.routing import ALARM_EXCHANGE
from exposure_subscriber.alarms import AlarmOutbox, make_alarm
from exposure_subscriber.cache import open_cache

# A cache that is being rebuilt may well be behind, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture
def night(processes: Processes, broker_url: str, subscriber: str, cache_url: str, tmp_path: Path) -> Night:
    return Night(processes, broker_url, subscriber, files_in(tmp_path)[0], cache_url)


def _written(night: Night) -> list[int]:
    return [exposure["expid"] for exposure in night.database.exposures() if exposure["data_written"]]


def test_a_cache_is_rebuilt_and_each_written_exposure_comes_once_across_it(
    night: Night, cache_url: str, broker_url: str
) -> None:
    with Writer(night) as writer:
        wait_for_changes(writer, 100)
        came = [exposure["expid"] for exposure in night.ics.new_exposures("once", timeout=1.0)]
        night.follower.end()
        wait_for_changes(writer, 20)
        before_versions(cache_url)
        execute(cache_url, "UPDATE follower SET covered = '[[1, 1000000]]'")
        AlarmOutbox(open_cache(cache_url)).keep(make_alarm("no light", "EVENT", "qlf"))
        with listening(broker_url, (ALARM_EXCHANGE, "#")) as ics:
            follower = night.start("follow")
            follower.wait_for_log("rebuilding it by healing")
            ics.wait_until(lambda heard: any(b"no light" in each.body for each in heard.listen().heard), "the alarm")
        wait_for_changes(writer, 20)
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
    came += [exposure["expid"] for exposure in night.ics.new_exposures("once", timeout=0.5)]
    assert len(came) == len(set(came)), "an exposure came twice"
    assert sorted(came) == _written(night)
    assert "Traceback" not in follower.log


def test_a_follower_ends_and_says_why_when_a_newer_one_has_rebuilt_its_cache(night: Night, cache_url: str) -> None:
    night.database.record(expid=1, night=NIGHT)
    wait_until(night.everything_agrees, "cache and exposureDB agreeing")
    newer(cache_url)
    before = execute(cache_url, "SELECT * FROM exposure")
    night.database.record(expid=2, night=NIGHT)
    assert night.follower.wait() == 1
    assert "upgrade this software" in night.follower.log
    assert "Traceback" not in night.follower.log
    assert execute(cache_url, "SELECT * FROM exposure") == before
