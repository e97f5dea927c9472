"""The torture itself can tell when something is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.caching import NIGHT, Cached
from tests.raw_sql import execute
from tests.torture.comparing import differing, in_the_cache, in_the_exposure_db
from tests.torture.events import Events
from tests.torture.watching import FIRST_PROBE, Probe, Probes, Watch
from tests.torture.writer import Writer
from tests.waiting import wait_until

from exposure_publisher import ExposureDB
from exposure_subscriber.cache import open_cache


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    with Cached(f"sqlite:///{tmp_path}/cache.sqlite") as cache:
        yield cache


@pytest.fixture
def exposure_db_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/exposuredb.sqlite"
    with ExposureDB(url) as database:
        database.record(expid=1, night=NIGHT, seeing=1.5)
        database.record(expid=2, night=NIGHT, data_written=True)
    return url


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    made = Events(tmp_path / "events.jsonl")
    yield made
    made.close()


def test_both_ends_are_compared_value_by_value(cached: Cached, exposure_db_url: str) -> None:
    truth = in_the_exposure_db(exposure_db_url)
    for expid, values in truth.items():
        cached.expose(**(values | {"seeing": 9.0} if expid == 1 else values))
    cached.expose(3)
    found = differing(truth, in_the_cache(open_cache(cached.url)))
    assert found == ["exposure 1: seeing is 9.0, not 1.5", "exposure 3: only in the cache"]
    execute(cached.url, "DELETE FROM exposure WHERE expid > 1")
    execute(cached.url, "UPDATE exposure SET seeing = 1.5")
    assert differing(truth, in_the_cache(open_cache(cached.url))) == ["exposure 2: not in the cache"]


def test_an_exposure_that_goes_back_is_seen(cached: Cached, events: Events) -> None:
    watch = Watch("alpha", open_cache(cached.url), events)
    cached.expose(7, sequence=5)
    watch.look()
    execute(cached.url, "UPDATE exposure SET sequence = 4")
    watch.look()
    assert watch.found == ["alpha: exposure 7 from 5 to 4"]
    assert '"what": "alpha: exposure 7 from 5 to 4"' in events.file.read_text(), "whatever becomes of the report"


def test_an_exposure_that_was_gone_and_is_back_as_it_was_is_seen(cached: Cached, events: Events) -> None:
    watch = Watch("alpha", open_cache(cached.url), events)
    cached.expose(7)
    watch.look()
    cached.retract(7)
    watch.look()
    cached.expose(7)
    watch.look()
    assert watch.found == [], "a later state may bring it back"
    for statement in ("UPDATE exposure SET expid = 8", "UPDATE exposure SET expid = 7"):
        execute(cached.url, statement)
        watch.look()
    assert watch.found == ["alpha: exposure 7 from 3 to 3, though it was gone"]


def test_a_cache_that_is_made_anew_may_begin_anew(cached: Cached, events: Events, tmp_path: Path) -> None:
    watch = Watch("alpha", open_cache(cached.url), events)
    cached.expose(7, sequence=5)
    watch.look()
    for file in tmp_path.glob("cache.sqlite*"):
        file.unlink()
    with Cached(cached.url) as anew:
        anew.expose(7, sequence=1)
        watch.look()
    assert watch.found == []


def test_a_writer_that_crashed_says_so(exposure_db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "_change", None)
    writer = Writer(exposure_db_url, changes=9, rate=1e6, seed=1)
    writer.start()
    writer.pause()
    writer.end()
    assert writer.crashed == "the writer crashed after 0 changes: TypeError(\"'NoneType' object is not callable\")"


def test_a_probe_has_come_through_once_it_is_here_and_nothing_before_it_is_missing(
    cached: Cached, exposure_db_url: str, tmp_path: Path
) -> None:
    events = Events(tmp_path / "events.jsonl")
    probes = Probes(exposure_db_url, lambda: {"alpha": open_cache(cached.url)}, events)
    probe = Probe(1, "a fault", 0.0, waiting_for={"alpha"})
    cached.expose(FIRST_PROBE + 1, sequence=2)
    probes._look("alpha", open_cache(cached.url), [probe])
    assert probe.waiting_for == {"alpha"}
    cached.expose(1, sequence=1)
    probes._look("alpha", open_cache(cached.url), [probe])
    assert probe.waiting_for == set()
    probes.add(1, "a fault")
    probes.start()
    wait_until(lambda: not probes.pending, "the probe being written and counted")
    probes.end()
    events.close()
    assert FIRST_PROBE + 1 in in_the_exposure_db(exposure_db_url)
    assert list(probes.healed) == ["a fault"]
