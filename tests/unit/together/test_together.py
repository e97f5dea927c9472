"""Ledger, relay, follower and healing together, with crashes between any two steps, against a broker in memory.

Whatever happens, in whatever order: no exposure goes back in the cache, no number counts as here whose state is not,
nothing is called complete that differs; and once all is calm the cache is equal to the exposureDB, value by value.

``EXPOSURE_BUS_EXAMPLES`` sets how many histories are tried.
"""

import json
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.raw_sql import changes, connected, execute
from tests.torture.comparing import differing, in_the_cache, in_the_exposure_db
from tests.unit.together.broker import Broker, Crash, Fate
from tests.unit.together.daemons import INTERVAL, FollowerSide, RelaySide

from exposure_publisher import ExposureDB
from exposure_subscriber.cache import Spans, open_cache
from exposure_subscriber.cache.freshness import read_freshness

NIGHT = 20230913
QLF = "qlf"
ROUNDS = 12
"""Heartbeats within which everything has to agree."""

KEPT = 2
"""The first expid that a rebuilt exposureDB lacks."""

ALWAYS = 9
"""An expid that a rebuilt one has and nobody changes: one that has never announced anything empties no cache."""

EXPIDS = st.integers(1, 3)
STATEMENTS = st.one_of(
    st.builds(
        "INSERT INTO exposure (expid, night, seeing, data_written) VALUES ({}, {}, {}, {}) "
        "ON CONFLICT (expid) DO UPDATE SET seeing = excluded.seeing, data_written = excluded.data_written".format,
        EXPIDS,
        st.just(NIGHT),
        st.integers(0, 9),
        st.integers(0, 1),
    ),
    st.builds("DELETE FROM exposure WHERE expid = {}".format, EXPIDS),
    st.builds("UPDATE OR REPLACE exposure SET expid = {} WHERE expid = {}".format, EXPIDS, EXPIDS),
)
ENDS = st.sampled_from(["COMMIT", "COMMIT", "ROLLBACK"])
ARRIVED = st.integers(0, 5)


class Together(RuleBasedStateMachine):
    """One exposureDB, one relay, one broker, one follower with one cache."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="together-"))
        self.url, self.cache_url = f"sqlite:///{self.folder}/db.sqlite", f"sqlite:///{self.folder}/cache.sqlite"
        self.seconds = 1_700_000_000.0
        self.patched = ExitStack()
        for place, double in (
            ("exposure_subscriber.cache.writing.now_micros", lambda: int(self.seconds * 1e6)),
            ("exposure_subscriber.cache.freshness.now_micros", lambda: int(self.seconds * 1e6)),
            ("exposure_subscriber.follower.healing.monotonic", lambda: self.seconds),
        ):
            self.patched.enter_context(patch(place, double))
        # Small pages, so that there is something between two of them.
        self.patched.enter_context(patch("exposure_publisher.relay.live.PAGE", 2))
        self.patched.enter_context(patch("exposure_publisher.relay.answers.PAGE", 2))
        self.patched.enter_context(patch("exposure_subscriber.follower.healing.MOST_ASKED", 6))
        ExposureDB(self.url).close()
        self.broker = Broker(QLF)
        self.relay = RelaySide(self.url, self.broker, self.now)
        self.follower = FollowerSide(self.cache_url, self.broker, QLF)
        self.seen: dict[int, int] = {}
        self.seen_of = ""

    def teardown(self) -> None:
        try:
            self.all_agrees_once_it_is_calm()
        finally:
            self.relay.die(0)
            self.follower.die()
            self.patched.close()
            shutil.rmtree(self.folder)

    def now(self) -> datetime:
        self.seconds += 0.001
        return datetime.fromtimestamp(self.seconds, UTC)

    # The ICS.

    @rule(
        statements=st.lists(STATEMENTS, min_size=1, max_size=3), end=st.sampled_from(["COMMIT", "COMMIT", "ROLLBACK"])
    )
    def ics_changes_exposures(self, statements: list[str], end: str) -> None:
        execute(self.url, "BEGIN IMMEDIATE", *statements, end)

    @rule(arrived=ARRIVED)
    def the_exposuredb_is_rebuilt(self, arrived: int) -> None:
        self.relay.die(arrived)
        with connected(self.url) as old:
            rows = old.execute(f"SELECT expid, seeing FROM exposure WHERE expid < {KEPT}").fetchall()
        for file in self.folder.glob("db.sqlite*"):
            file.unlink()
        with ExposureDB(self.url), connected(self.url) as new:
            insert = f"INSERT INTO exposure (expid, night, seeing) VALUES (?, {NIGHT}, ?)"
            new.executemany(insert, [*rows, (ALWAYS, 1.0)])
        self.relay = RelaySide(self.url, self.broker, self.now)

    # The relay.

    @rule(pages=st.integers(1, 4))
    def the_relay_works(self, pages: int) -> None:
        self.relay.work(pages)

    @rule()
    def the_relay_beats(self) -> None:
        self.relay.beat()

    @rule(fates=st.lists(st.sampled_from(Fate), min_size=1, max_size=6))
    def the_relay_hears_of_messages(self, fates: list[Fate]) -> None:
        for fate in fates[: len(self.relay.channel.in_flight)]:
            self.relay.hear(fate)

    @rule()
    def the_relay_keeps_confirms(self) -> None:
        self.relay.live.keep_confirmed()

    @rule()
    def the_relay_sends_again(self) -> None:
        self.relay.live.send_again()

    @precondition(lambda self: self.broker.requests)
    @rule(lost=st.booleans())
    def the_relay_takes_a_request(self, lost: bool) -> None:
        if lost:
            self.broker.requests.popleft()
        else:
            self.relay.take_request()

    @rule(published=st.integers(0, 3), arrived=ARRIVED)
    def the_relay_dies_at_work(self, published: int, arrived: int) -> None:
        self.relay.channel.left = published
        with suppress(Crash):
            self.relay.work(3)
        self.the_relay_dies(arrived)

    @rule(arrived=ARRIVED)
    def the_relay_dies(self, arrived: int) -> None:
        self.relay.die(arrived)
        self.relay = RelaySide(self.url, self.broker, self.now)

    # The follower.

    @rule(count=st.integers(1, 8))
    def the_follower_takes_messages(self, count: int) -> None:
        self.follower.take(count)

    @rule()
    def the_follower_writes(self) -> None:
        self.follower.write()

    @rule(count=st.integers(1, 8), in_front=st.booleans())
    def the_follower_dies_between_commit_and_ack(self, count: int, in_front: bool) -> None:
        self.follower.take(count)
        self.follower.die_acking()
        self.the_follower_dies(in_front)

    @rule(count=st.integers(1, 8), in_front=st.booleans())
    def the_follower_dies_before_the_commit(self, count: int, in_front: bool) -> None:
        self.follower.take(count)
        self.follower.die_writing()
        self.the_follower_dies(in_front)

    @rule(in_front=st.booleans())
    def the_follower_dies(self, in_front: bool) -> None:
        self.follower.die(in_front=in_front)
        self.follower = FollowerSide(self.cache_url, self.broker, QLF)

    @rule()
    def the_cache_is_thrown_away(self) -> None:
        for file in self.folder.glob("cache.sqlite*"):
            file.unlink()
        self.seen = {}

    # The broker, and time.

    @precondition(lambda self: self.broker.queue)
    @rule(place=st.integers(0, 7))
    def a_message_is_delivered_twice(self, place: int) -> None:
        assert self.broker.queue
        self.broker.queue.append(self.broker.queue[place % len(self.broker.queue)])

    @rule(in_front=st.booleans())
    def the_queue_is_deleted(self, in_front: bool) -> None:
        self.broker.queue = None
        self.the_follower_dies(in_front)

    @rule()
    def the_broker_is_wiped(self) -> None:
        self.broker.queue = None
        self.broker.requests.clear()
        self.the_relay_dies(arrived=0)
        self.the_follower_dies(in_front=True)

    @rule(seconds=st.sampled_from([1.0, INTERVAL, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds

    # What must hold.

    @rule()
    def all_agrees_once_it_is_calm(self) -> None:
        for _ in range(ROUNDS):
            self.a_calm_round()
            wrong = self.differences()
            if not wrong and read_freshness(open_cache(self.cache_url)).complete:
                return
        raise AssertionError(f"{wrong}; {read_freshness(open_cache(self.cache_url)).text}")

    @rule(rounds=st.integers(1, 2))
    def all_goes_well_for_a_while(self, rounds: int) -> None:
        for _ in range(rounds):
            self.a_calm_round()

    def a_calm_round(self) -> None:
        """Everybody does all there is to do, from one heartbeat to the next."""
        self.seconds += INTERVAL
        while self.broker.requests:
            self.relay.take_request()
        while self.relay.work(1) or self.relay.channel.in_flight or self.relay.live.send_again():
            while self.relay.channel.in_flight:
                self.relay.hear(Fate.STORED)
        self.relay.live.keep_confirmed()
        self.relay.beat()
        self.relay.hear(Fate.STORED)
        self.follower.write()
        while self.broker.queue:
            self.follower.take(1)
            self.follower.write()
            self.what_the_cache_says_is_true()

    def differences(self) -> list[str]:
        cache = open_cache(self.cache_url)
        try:
            return differing(in_the_exposure_db(self.url), in_the_cache(cache))
        finally:
            cache.close()

    @invariant()
    def what_the_cache_says_is_true(self) -> None:
        if not (self.folder / "cache.sqlite").exists():
            return
        cache = open_cache(self.cache_url)
        try:
            freshness = read_freshness(cache)
            sequences: dict[int, int] = dict(cache.query("SELECT expid, sequence FROM exposure"))
            gone: dict[int, int] = dict(cache.query("SELECT expid, sequence FROM retracted"))
            ((covered,),) = cache.query("SELECT covered FROM follower")
        finally:
            cache.close()
        self.nothing_goes_back(freshness.epoch, sequences, gone)
        if freshness.epoch == self.relay.epoch:
            self.what_is_covered_is_here(Spans(json.loads(covered)), sequences | gone)
            newest = self.relay.ledger.state().newest
            if freshness.complete and freshness.newest == newest and not changes(self.url):
                assert self.differences() == [], "it is called complete"

    def nothing_goes_back(self, epoch: str, sequences: dict[int, int], gone: dict[int, int]) -> None:
        if epoch != self.seen_of:
            self.seen, self.seen_of = {}, epoch
        for expid, sequence in [*sequences.items(), *gone.items()]:
            before = self.seen.get(expid, 0)
            assert sequence >= before, f"exposure {expid} went back from {before} to {sequence}"
            self.seen[expid] = sequence
        assert not sequences.keys() & gone.keys()

    def what_is_covered_is_here(self, covered: Spans, here: dict[int, int]) -> None:
        for expid, sequence in execute(self.url, "SELECT expid, sequence FROM exposure_ledger"):
            if sequence in covered:
                assert here.get(expid, 0) >= sequence, f"{sequence} of exposure {expid} counts as here, and is not"


Together.TestCase.settings = settings(
    max_examples=int(os.environ.get("EXPOSURE_BUS_EXAMPLES", "60")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestTogether = Together.TestCase
