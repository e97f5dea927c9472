"""What a follower asks for, and when: a little at a time, all of it in the end, and nothing twice while it comes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure_schemas import Span
from exposure_subscriber.cache.spans import Spans
from exposure_subscriber.follower import healing
from exposure_subscriber.follower.healing import MOST_ASKED, MOST_SPANS, STALLED, Healing

HALF = MOST_ASKED // 2
OURS, ANOTHER = "ours", "another"


class Clock:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(healing, "monotonic", made)
    return made


def test_a_long_history_is_asked_for_a_little_at_a_time() -> None:
    asking = Healing()
    assert asking.at_heartbeat(OURS, [(1, 10_000)]) == ((1, MOST_ASKED),)
    assert asking.go_on([(HALF, 10_000)]) == (), "more than half is on its way still"
    assert asking.go_on([(HALF + 1, 10_000)]) == ((MOST_ASKED + 1, MOST_ASKED + HALF),)
    assert asking.at_heartbeat(OURS, [(HALF + 1, 10_100)]) == (), "nothing is asked for twice"


def test_an_answer_that_stalls_is_asked_for_again(clock: Clock) -> None:
    asking = Healing()
    asking.at_heartbeat(OURS, [(1, 10_000)])
    clock.now += STALLED - 1
    assert asking.go_on([(HALF, 10_000)]) == (), "it moves"
    clock.now += STALLED - 1
    assert asking.go_on([(HALF, 10_000)]) == (), "replayed by somebody else: the answer did not move"
    clock.now += 1
    assert asking.at_heartbeat(OURS, [(HALF, MOST_ASKED)]) == ((HALF, MOST_ASKED),)


def test_what_never_comes_holds_up_nothing_behind_it_and_is_asked_for_again_in_the_end(clock: Clock) -> None:
    asking, here = Healing(), Spans()
    bad, newest = range(1, MOST_ASKED + 1), 10 * MOST_ASKED
    rounds = 0
    while here.missing(newest) != [(1, MOST_ASKED)]:
        asked = asking.at_heartbeat(OURS, here.missing(newest))
        while asked:
            for first, last in asked:
                if first not in bad:
                    here.add(first, last)
            asked = asking.go_on(here.missing(newest))
        clock.now += STALLED
        rounds += 1
    assert rounds <= 3
    assert asking.at_heartbeat(OURS, here.missing(newest)) == ((1, MOST_ASKED),)


def test_no_more_is_asked_for_than_a_heartbeat_has_told_of() -> None:
    asking = Healing()
    assert asking.at_heartbeat(OURS, [(1, 10)]) == ((1, 10),)
    assert asking.go_on([(15, 20)]) == (), "these may be on their way"
    assert asking.at_heartbeat(OURS, [(15, 20)]) == ((15, 20),)


def test_what_was_asked_for_on_a_lost_connection_is_asked_for_again() -> None:
    asking = Healing()
    assert asking.at_heartbeat(OURS, [(1, 10)]) == ((1, 10),)
    asking.forget()
    assert asking.go_on([(1, 10)]) == ()
    assert asking.at_heartbeat(OURS, [(1, 10)]) == ((1, 10),)


@pytest.mark.parametrize("healed", [10, 7], ids=["healed", "healing"])
def test_a_cache_that_was_thrown_away_is_asked_for_at_once(healed: int) -> None:
    asking = Healing()
    asking.at_heartbeat(OURS, [(1, 10)])
    asking.go_on([(healed + 1, 10)] if healed < 10 else [])
    assert asking.at_heartbeat(OURS, [(1, 10)]) == ((1, 10),)


def test_another_ledger_is_asked_for_at_once_whatever_was_asked_of_the_one_before() -> None:
    asking = Healing()
    asking.at_heartbeat(OURS, [(1, 10)])
    assert asking.at_heartbeat(ANOTHER, [(1, 10)]) == ((1, 10),)


def test_a_request_has_no_more_spans_than_a_message_may_carry() -> None:
    missing = [(number, number) for number in range(2, 4 * MOST_SPANS, 2)]
    asking = Healing()
    assert asking.at_heartbeat(OURS, missing) == tuple(missing[:MOST_SPANS])
    assert asking.go_on(missing[1:]) == tuple(missing[MOST_SPANS:])


def test_when_nothing_is_missing_nothing_is_asked_for() -> None:
    asking = Healing()
    assert asking.at_heartbeat(OURS, []) == ()
    assert asking.go_on([]) == ()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 6000), st.integers(0, 2000)), max_size=5), st.data())
def test_everything_comes_in_the_end_whatever_is_lost(gaps: list[tuple[int, int]], data: Any) -> None:
    missing = Spans((first, first + more) for first, more in gaps)
    asking, here, lost = Healing(), Spans(), 0
    for _ in range(100):
        left = list(_left(missing, here))
        if not left:
            return
        asked = asking.at_heartbeat(OURS, left)
        while asked:
            assert sum(last - first + 1 for first, last in asked) <= MOST_ASKED
            answered = [span for span in asked if lost > 20 or data.draw(st.booleans())]
            lost += len(asked) - len(answered)
            for span in answered:
                here.add(*span)
            asked = asking.go_on(list(_left(missing, here))) if answered else ()
        asking.forget()  # as after a lost connection, or when the answer has stalled
    raise AssertionError(f"still missing {list(_left(missing, here))}")


def _left(missing: Spans, here: Spans) -> list[Span]:
    return [
        (max(first, low), min(last, high))
        for low, high in missing
        for first, last in here.missing(high)
        if first <= high and last >= low
    ]
