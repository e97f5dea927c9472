"""Which queues are made anew: those that are down for longer than a broker needs to start."""

from types import SimpleNamespace

import pytest
from pika.exceptions import ConnectionClosedByBroker, StreamLostError

from exposure_bus.broker import broken_queues
from exposure_bus.broker.broken_queues import INTERNAL_ERROR, PATIENCE, BrokenQueues

QUEUE = "exposures.qlf"
DOWN = ConnectionClosedByBroker(INTERNAL_ERROR, "INTERNAL_ERROR")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(broken_queues, "monotonic", lambda: made.now)
    return made


def consume_and_end(queues: BrokenQueues, error: Exception | None = DOWN) -> list[str]:
    queues.asked(QUEUE)
    queues.ended(error)
    return list(queues.take())


def test_a_queue_that_stays_down_is_broken_until_it_is_made_anew(clock: SimpleNamespace) -> None:
    queues = BrokenQueues()
    assert consume_and_end(queues) == []
    clock.now += PATIENCE
    assert consume_and_end(queues) == [QUEUE]
    assert list(queues.take()) == [], "it is deleted once"
    assert consume_and_end(queues) == [], "patience begins anew"


def test_only_one_that_refuses_us_may_serve_somebody_else(clock: SimpleNamespace) -> None:
    queues = BrokenQueues()
    queues.asked(QUEUE)
    queues.ended(DOWN)
    clock.now += PATIENCE
    queues.asked(QUEUE)
    queues.ended(DOWN)
    queues.found("exposures.requests")
    assert queues.take() == {QUEUE: True, "exposures.requests": False}


def test_a_broker_that_was_away_between_two_refusals_may_be_starting_again(clock: SimpleNamespace) -> None:
    queues = BrokenQueues()
    consume_and_end(queues)
    clock.now += 3600
    assert consume_and_end(queues) == []
    clock.now += PATIENCE
    assert consume_and_end(queues) == [QUEUE]


def test_one_that_comes_up_is_not(clock: SimpleNamespace) -> None:
    queues = BrokenQueues()
    consume_and_end(queues)
    clock.now += PATIENCE
    queues.asked(QUEUE)
    queues.accepted(QUEUE)
    queues.ended(DOWN)
    assert consume_and_end(queues) == []


def test_a_connection_that_ends_otherwise_tells_nothing_of_a_queue(clock: SimpleNamespace) -> None:
    queues = BrokenQueues()
    consume_and_end(queues)
    clock.now += PATIENCE
    assert consume_and_end(queues, StreamLostError("reset")) == []


def test_what_was_asked_on_a_connection_that_was_dropped_counts_for_no_later_one(clock: SimpleNamespace) -> None:
    queues = BrokenQueues()
    consume_and_end(queues)
    clock.now += PATIENCE
    assert consume_and_end(queues, None) == []
    queues.ended(DOWN)
    assert list(queues.take()) == []
