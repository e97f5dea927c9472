"""Publishing with many messages in flight, where every one is confirmed, or known not to be."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from time import monotonic
from typing import Any, Final, Generic, TypeVar

import pika
from pika.channel import Channel

Key = TypeVar("Key")

WINDOW: Final = 1000
"""Messages in flight; more does not make the broker faster."""

DEADLINE: Final = 10.0
"""Seconds after which a message whose confirm did not come counts as refused, and is to be sent again."""


class ConfirmedPublisher(Generic[Key]):
    """Publishes on one channel and says of each message whether the broker has it.

    It never waits: `confirmed` and `refused` are called out of the connection's loop. Each key that was published gets
    one call of either, unless the channel ends first; then nobody knows, and it has to be sent again.

    Args:
        channel: An open channel without confirms switched on yet.
        confirmed: Called with the keys that the broker has.
        refused: Called with keys that it has not (a nack, no queue to route to, no confirm in time) and the reason.
        deadline: Seconds until a message without an answer counts as refused.
        window: How many messages may be in flight.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        confirmed: Callable[[list[Key]], None],
        refused: Callable[[list[Key], str], None],
        deadline: float = DEADLINE,
        window: int = WINDOW,
    ) -> None:
        self._channel = channel
        self._confirmed = confirmed
        self._refused = refused
        self._deadline = deadline
        self._window = window
        self._next_tag = 1
        self._in_flight: OrderedDict[int, tuple[float, Key | None, str]] = OrderedDict()
        self._tags_of_id: dict[str, list[int]] = {}
        self._returned: set[int] = set()
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_answer)

    @property
    def room(self) -> int:
        """How many more messages may be in flight now."""
        return self._window - len(self._in_flight)

    def publish(
        self, key: Key | None, exchange: str, routing_key: str, body: bytes, properties: pika.BasicProperties
    ) -> None:
        """Send a message; with a key of None nobody is told what became of it."""
        tag = self._next_tag
        self._next_tag += 1
        self._in_flight[tag] = (monotonic(), key, properties.message_id)
        self._tags_of_id.setdefault(properties.message_id, []).append(tag)
        self._channel.basic_publish(exchange, routing_key, body, properties, mandatory=key is not None)

    def give_up_late(self) -> None:
        """Count as refused what is overdue; to be called now and then."""
        now = monotonic()
        overdue = []
        for tag, (sent, _, _) in self._in_flight.items():
            if now - sent < self._deadline:
                break
            overdue.append(tag)
        self._tell_refused(overdue, f"no confirm within {self._deadline:g} s")

    def _on_answer(self, frame: Any) -> None:
        method = frame.method
        tags = self._answered(method.delivery_tag, method.multiple)
        if isinstance(method, pika.spec.Basic.Nack):
            self._tell_refused(tags, "the broker answered nack")
            return
        returned = [tag for tag in tags if tag in self._returned]
        self._tell_refused(returned, "no queue is bound for it")
        keys = [key for tag in tags if tag in self._in_flight and (key := self._forget(tag)) is not None]
        if keys:
            self._confirmed(keys)

    def _answered(self, last: int, multiple: bool) -> list[int]:
        if not multiple:
            return [last]
        tags = []
        for tag in self._in_flight:
            if tag > last:
                break
            tags.append(tag)
        return tags

    def _tell_refused(self, tags: list[int], reason: str) -> None:
        keys = [key for tag in tags if tag in self._in_flight and (key := self._forget(tag)) is not None]
        if keys:
            self._refused(keys, reason)

    def _forget(self, tag: int) -> Key | None:
        _, key, message_id = self._in_flight.pop(tag)
        self._returned.discard(tag)
        tags = self._tags_of_id[message_id]
        tags.remove(tag)
        if not tags:
            del self._tags_of_id[message_id]
        return key

    def _on_return(self, _channel: Channel, _method: Any, properties: pika.BasicProperties, _body: bytes) -> None:
        """Note the oldest of its id, since the broker returns in the order of publishing."""
        tags = (tag for tag in self._tags_of_id.get(properties.message_id, ()) if tag not in self._returned)
        self._returned.update(islice(tags, 1))
