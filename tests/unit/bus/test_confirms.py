"""Confirms: each message is told of once, whatever the broker answers, and in whatever order."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.broker import ConfirmedPublisher, confirms


class FakeChannel:
    """A channel that keeps what is published and lets a test answer for the broker."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bool]] = []
        self.answer: Callable[[Any], None]
        self.give_back: Callable[..., None]

    def add_on_return_callback(self, callback: Callable[..., None]) -> None:
        self.give_back = callback

    def confirm_delivery(self, callback: Callable[[Any], None]) -> None:
        self.answer = callback

    def basic_publish(self, _exchange: str, _key: str, _body: bytes, properties: Any, *, mandatory: bool) -> None:
        self.published.append((properties.message_id, mandatory))

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        self.answer(pika.frame.Method(1, pika.spec.Basic.Ack(tag, multiple)))

    def nack(self, tag: int, *, multiple: bool = False) -> None:
        self.answer(pika.frame.Method(1, pika.spec.Basic.Nack(tag, multiple)))

    def give_back_message(self, tag: int) -> None:
        message_id, mandatory = self.published[tag - 1]
        if mandatory:
            self.give_back(self, None, pika.BasicProperties(message_id=message_id), b"")


class Told:
    """What a publisher has told of its messages."""

    def __init__(self, *, deadline: float = 10.0, window: int = 1000) -> None:
        self.channel: Any = FakeChannel()
        self.confirmed: list[int] = []
        self.refused: list[int] = []
        self.reasons: set[str] = set()
        self.publisher = ConfirmedPublisher[int](
            self.channel, confirmed=self.confirmed.extend, refused=self._refuse, deadline=deadline, window=window
        )

    def _refuse(self, keys: list[int], reason: str) -> None:
        self.refused += keys
        self.reasons.add(reason)

    def publish(self, key: int | None, message_id: str | None = None) -> None:
        self.publisher.publish(
            key, "exposures", "key", b"", pika.BasicProperties(message_id=message_id or f"message-{key}")
        )


def test_a_confirmed_message_is_told_of() -> None:
    told = Told()
    for key in (1, 2, 3):
        told.publish(key)
    told.channel.ack(2)
    assert (told.confirmed, told.publisher.room) == ([2], 998)
    told.channel.ack(3, multiple=True)
    assert (told.confirmed, told.refused, told.publisher.room) == ([2, 1, 3], [], 1000)


def test_a_message_that_no_queue_takes_is_refused_though_the_broker_confirms_it() -> None:
    told = Told()
    told.publish(1)
    told.publish(2)
    told.channel.give_back_message(1)
    told.channel.ack(2, multiple=True)
    assert (told.confirmed, told.refused, told.reasons) == ([2], [1], {"no queue is bound for it"})


def test_a_nack_refuses_one_or_all_up_to_it() -> None:
    told = Told()
    for key in (1, 2, 3, 4):
        told.publish(key)
    told.channel.nack(4)
    told.channel.nack(2, multiple=True)
    assert (told.confirmed, told.refused, told.reasons) == ([], [4, 1, 2], {"the broker answered nack"})


def test_a_message_without_an_answer_in_time_is_refused_and_a_late_answer_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(confirms, "monotonic", lambda: now[0])
    told = Told(deadline=10)
    told.publish(1)
    now[0] += 6
    told.publish(2)
    told.publisher.give_up_late()
    assert told.refused == []
    now[0] += 5
    told.publisher.give_up_late()
    assert (told.refused, told.reasons) == ([1], {"no confirm within 10 s"})
    told.channel.ack(2, multiple=True)
    assert (told.confirmed, told.refused, told.publisher.room) == ([2], [1], 1000)


def test_a_message_that_is_sent_again_under_its_id_is_a_message_of_its_own() -> None:
    told = Told(deadline=0)
    told.publish(1, "same")
    told.publisher.give_up_late()
    told.publish(1, "same")
    told.channel.ack(1)
    assert (told.confirmed, told.refused) == ([], [1])
    told.channel.give_back_message(2)
    told.channel.ack(2)
    assert (told.confirmed, told.refused) == ([], [1, 1])


def test_two_messages_of_one_id_in_flight_are_both_refused_if_both_come_back() -> None:
    told = Told()
    told.publish(1, "same")
    told.publish(2, "same")
    told.channel.give_back_message(1)
    told.channel.ack(1)
    told.channel.give_back_message(2)
    told.channel.ack(2)
    assert (told.confirmed, told.refused) == ([], [1, 2])


def test_nobody_is_told_of_a_message_without_a_key_and_it_may_go_nowhere() -> None:
    told = Told()
    told.publish(None)
    assert told.channel.published == [("message-None", False)]
    told.channel.ack(1)
    assert (told.confirmed, told.refused, told.publisher.room) == ([], [], 1000)


@given(st.data(), st.integers(1, 12))
def test_whatever_the_broker_answers_each_message_is_told_of_once(data: st.DataObject, count: int) -> None:
    told = Told()
    for key in range(1, count + 1):
        told.publish(key)
    open_tags = list(range(1, count + 1))
    returned = set(data.draw(st.sets(st.sampled_from(open_tags))))
    expected: dict[int, bool] = {}
    while open_tags:
        tag = data.draw(st.sampled_from(open_tags))
        multiple, nack = data.draw(st.booleans()), data.draw(st.booleans())
        answered = [each for each in open_tags if each == tag or (multiple and each < tag)]
        open_tags = [each for each in open_tags if each not in answered]
        for each in returned & set(answered):
            told.channel.give_back_message(each)
        (told.channel.nack if nack else told.channel.ack)(tag, multiple=multiple)
        expected |= {each: not nack and each not in returned for each in answered}
    assert Counter(told.confirmed) == Counter(key for key, good in expected.items() if good)
    assert Counter(told.refused) == Counter(key for key, good in expected.items() if not good)
    assert told.publisher.room == 1000
