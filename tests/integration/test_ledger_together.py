"""Who numbers beside others, and whatever may happen in any order: no change is lost, no number given twice."""

import random
import threading
from contextlib import closing
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.integration.numbering import record
from tests.raw_sql import changes, execute

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Unnumbered, open_ledger


class Numberer(threading.Thread):
    """Numbers whatever it finds until it is told that nobody writes any more."""

    def __init__(self, url: str, written: threading.Event, seed: int) -> None:
        super().__init__()
        self._ledger = open_ledger(url)
        self._written = written
        self._random = random.Random(seed)
        self.given: list[tuple[int, int, Any]] = []

    def run(self) -> None:
        with closing(self._ledger):
            while True:
                last = self._written.is_set()
                found = self._ledger.unnumbered(self._random.randrange(1, 9))
                self._number(found)
                if last and not found:
                    return

    def _number(self, found: list[Unnumbered]) -> None:
        rows = {each.expid: each.row for each in found}
        for expid, sequence in self._ledger.number(found, [None] * len(found), 0):
            row = rows[expid]
            assert row is not None
            self.given.append((sequence, expid, row["seeing"]))


def test_two_that_number_at_once_give_no_number_twice_and_lose_no_change(db: ExposureDB, exposure_db_url: str) -> None:
    written = threading.Event()
    numberers = [Numberer(exposure_db_url, written, seed) for seed in range(2)]
    for numberer in numberers:
        numberer.start()
    changed = random.Random(7)
    last: dict[int, float] = {}
    for turn in range(150):
        expid = changed.randrange(12)
        last[expid] = float(turn)
        record(db, expid, seeing=last[expid])
    written.set()
    for numberer in numberers:
        numberer.join()
    given = sorted(each for numberer in numberers for each in numberer.given)
    assert [sequence for sequence, _, _ in given] == list(range(1, len(given) + 1))
    announced = {expid: seeing for _, expid, seeing in given}
    assert announced == last, "the highest number of each exposure carries its last state"
    assert changes(exposure_db_url) == []


# Everything that may happen, in any order, against a model.


class LedgerMachine(RuleBasedStateMachine):
    """Writers, deletions and two relays that look and number in any order."""

    url: str
    EXPIDS = st.integers(0, 4)

    @initialize()
    def begin(self) -> None:
        self.db = ExposureDB(self.url)
        self.ledgers = [open_ledger(self.url), open_ledger(self.url)]
        self.looked: list[list[Unnumbered]] = [[], []]
        execute(self.url, "DELETE FROM exposure", "DELETE FROM exposure_change", "DELETE FROM exposure_ledger")
        self.first = self.ledgers[0].state().newest
        self.announced: dict[int, float | None] = {}
        self.rows: dict[int, float] = {}
        self.numbers: list[int] = []
        self.clock = 0.0

    @rule(expids=st.sets(EXPIDS, min_size=1))
    def change(self, expids: set[int]) -> None:
        self.clock += 1
        record(self.db, *expids, seeing=self.clock)
        self.rows |= dict.fromkeys(expids, self.clock)

    @rule(expid=EXPIDS)
    def delete(self, expid: int) -> None:
        execute(self.url, f"DELETE FROM exposure WHERE expid = {expid}")
        self.rows.pop(expid, None)

    @rule(which=st.integers(0, 1), most=st.integers(1, 5))
    def look(self, which: int, most: int) -> None:
        self.looked[which] = self.ledgers[which].unnumbered(most)

    @rule(which=st.integers(0, 1))
    def number(self, which: int) -> None:
        found, self.looked[which] = self.looked[which], []
        states = {each.expid: each.row for each in found}
        for expid, sequence in self.ledgers[which].number(found, [None] * len(found), 0):
            row = states[expid]
            assert row is not None or expid in self.announced, "nobody had heard of it"
            self.numbers.append(sequence)
            self.announced[expid] = None if row is None else row["seeing"]

    @invariant()
    def numbers_follow_one_another(self) -> None:
        assert self.numbers == list(range(self.first + 1, self.first + 1 + len(self.numbers)))

    def teardown(self) -> None:
        for which in (0, 1):
            self.number(which)
            while self.ledgers[which].unnumbered(5):
                self.look(which, 5)
                self.number(which)
        assert {expid: seeing for expid, seeing in self.announced.items() if seeing is not None} == self.rows
        self.numbers_follow_one_another()
        self.db.close()
        for ledger in self.ledgers:
            ledger.close()


def test_no_order_of_events_loses_a_change_or_repeats_a_number(exposure_db_url: str) -> None:
    class Machine(LedgerMachine):
        url = exposure_db_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
