"""A consumer asks the broker whether it is served, and concludes only what is certain."""

from types import SimpleNamespace
from typing import Any

import pytest

from exposure_bus.broker.consumer import Consumer, Starved

QUEUE = "exposures.qlf"


class FakeChannel:
    """Answers as a broker does that has one consumer's queue."""

    is_open = True

    def __init__(self) -> None:
        self.consumer_tags = ["ours"]
        self.deliver: Any = None
        self.answer: Any = None

    def basic_consume(self, _queue: str, on_message: Any, *, callback: Any) -> str:
        self.deliver = on_message
        callback(None)
        return "ours"

    def queue_declare(self, _queue: str, *, passive: bool, callback: Any) -> None:
        assert passive
        self.answer = callback

    def say(self, *, consumers: int, waiting: int) -> None:
        self.answer(SimpleNamespace(method=SimpleNamespace(consumer_count=consumers, message_count=waiting)))


class Asked:
    """A consumer, and what it concluded."""

    def __init__(self) -> None:
        self.channel = FakeChannel()
        self.concluded: list[Any] = []
        self.due: list[Any] = []
        self.consumer = Consumer(
            self._loop(),
            self.channel,
            QUEUE,
            on_message=lambda *_: None,
            accepted=lambda: None,
            unanswered=lambda: self.concluded.append("unanswered"),
            lost=lambda: self.concluded.append("lost"),
            starved=self.concluded.append,
        )

    def _loop(self) -> Any:
        def call_later(_seconds: float, call: Any) -> Any:
            self.due.append(call)
            return call

        return SimpleNamespace(call_later=call_later, remove_timeout=self.due.remove)

    def ask(self, *, consumers: int, waiting: int, expected: bool = True) -> list[Any]:
        self.consumer.check(expected=expected)
        self.channel.say(consumers=consumers, waiting=waiting)
        return self.concluded


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_queue_without_a_consumer_has_lost_it(asked: Asked) -> None:
    assert asked.ask(consumers=0, waiting=0) == ["lost"]


@pytest.mark.parametrize(("consumers", "alone"), [(1, True), (2, False)])
def test_messages_that_wait_while_nothing_comes_mean_that_it_is_not_served(
    consumers: int, alone: bool, asked: Asked
) -> None:
    found = asked.ask(consumers=consumers, waiting=3, expected=False)
    assert found == [Starved(waiting=3, alone=alone, served=False)]


def test_what_was_expected_and_does_not_come_counts_if_nobody_else_can_have_it(asked: Asked) -> None:
    assert asked.ask(consumers=1, waiting=0) == [Starved(waiting=0, alone=True, served=False)]


def test_a_follower_that_stands_by_and_a_relay_that_nobody_asks_are_left_in_peace(asked: Asked) -> None:
    asked.ask(consumers=2, waiting=0)
    assert asked.ask(consumers=1, waiting=0, expected=False) == []


def test_a_message_that_comes_before_the_answer_ends_the_question(asked: Asked) -> None:
    asked.consumer.check(expected=True)
    asked.channel.deliver()
    asked.channel.say(consumers=1, waiting=3)
    assert asked.concluded == []
    assert asked.ask(consumers=1, waiting=3) == [Starved(waiting=3, alone=True, served=True)]


def test_a_broker_that_does_not_answer_has_lost_it(asked: Asked) -> None:
    for _ in range(2):  # the second question waits for the answer to the first
        asked.consumer.check(expected=True)
    (no_answer,) = asked.due
    no_answer()
    assert asked.concluded == ["lost"]


def test_an_answer_that_was_given_is_not_waited_for(asked: Asked) -> None:
    asked.ask(consumers=2, waiting=0)
    assert asked.due == []
