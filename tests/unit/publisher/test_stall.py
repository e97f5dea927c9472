"""A relay that hears no confirm takes another connection first, and then leaves the log stream out for a while."""

from unittest.mock import Mock, call

import pytest
from pika.exceptions import ChannelClosedByBroker

from exposure_bus.broker.topology import declare_log
from exposure_publisher.relay import stall
from exposure_publisher.relay.stall import MOVE_HELPS, UNCONFIRMED, WITHOUT_LOG, Remedy, Stall
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE, LOG_STREAM

DOWN = ChannelClosedByBroker(404, "NOT_FOUND - the stream is down or inaccessible")


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(stall, "monotonic", made)
    return made


def remedies(stalled: Stall, clock: Clock, times: int) -> list[Remedy]:
    found = []
    for _ in range(times):
        clock.passes(UNCONFIRMED + 1)
        found.append(stalled.remedy())
    return found


def test_it_is_patient_for_a_while(clock: Clock) -> None:
    stalled = Stall()
    clock.passes(UNCONFIRMED)
    assert stalled.remedy() is Remedy.NONE
    stalled.wait_anew()
    clock.passes(UNCONFIRMED)
    assert stalled.remedy() is Remedy.NONE


def test_another_connection_is_tried_first_and_then_the_log_is_left_out_and_then_there_is_no_more_to_try(
    clock: Clock,
) -> None:
    assert remedies(Stall(), clock, 4) == [Remedy.MOVE, Remedy.LEAVE_OUT_LOG, Remedy.NONE, Remedy.NONE]


def test_confirms_that_stall_again_soon_after_a_move_were_not_helped_by_it(clock: Clock) -> None:
    stalled = Stall()
    assert remedies(stalled, clock, 1) == [Remedy.MOVE]
    stalled.progressed()
    assert remedies(stalled, clock, 1) == [Remedy.LEAVE_OUT_LOG]


def test_confirms_that_came_without_the_log_and_stall_again_are_moved_again(clock: Clock) -> None:
    stalled = Stall()
    assert remedies(stalled, clock, 2) == [Remedy.MOVE, Remedy.LEAVE_OUT_LOG]
    stalled.progressed()
    assert remedies(stalled, clock, 1) == [Remedy.MOVE]


def test_confirms_that_stall_long_after_a_move_are_moved_again(clock: Clock) -> None:
    stalled = Stall()
    assert remedies(stalled, clock, 1) == [Remedy.MOVE]
    clock.passes(MOVE_HELPS)
    stalled.progressed()
    assert remedies(stalled, clock, 1) == [Remedy.MOVE]


def declared(stalled: Stall) -> tuple[bool, bool]:
    """Whether the log stream is bound, and unbound."""
    declarer, log = Mock(), Mock()
    stalled.declare(declarer)
    declare_log(log)
    bound = all(each in declarer.mock_calls for each in log.mock_calls)
    return bound, call.unbind(LOG_STREAM, EXCHANGE, EVERY_EXPOSURE) in declarer.mock_calls


def test_the_log_is_bound_again_after_a_while(clock: Clock) -> None:
    stalled = Stall()
    assert declared(stalled) == (True, False)
    remedies(stalled, clock, 2)
    assert declared(stalled) == (False, True)
    assert not stalled.tries_log_again()
    clock.passes(WITHOUT_LOG + 1)
    assert stalled.tries_log_again()
    assert declared(stalled) == (True, False)


def without_log(queue: str, _arguments: object) -> None:
    if queue == LOG_STREAM:
        raise DOWN


def test_a_log_that_is_not_up_again_stays_left_out_and_is_tried_as_often_as_before(clock: Clock) -> None:
    stalled = Stall()
    remedies(stalled, clock, 2)
    for _ in range(2):
        assert not stalled.tries_log_again()
        clock.passes(WITHOUT_LOG + 1)
        assert stalled.tries_log_again()
        with pytest.raises(ChannelClosedByBroker):
            stalled.declare(Mock(queue=Mock(side_effect=without_log)))
        assert declared(stalled) == (False, True)


def test_a_log_is_tried_as_often_as_before_if_the_broker_was_away(clock: Clock) -> None:
    stalled = Stall()
    remedies(stalled, clock, 2)
    for _ in range(2):
        assert not stalled.tries_log_again()
        clock.passes(WITHOUT_LOG + 1)
        assert stalled.tries_log_again(), "and then it cannot be declared"
    assert declared(stalled) == (True, False), "it is, at the next connection"
