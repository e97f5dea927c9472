"""What a test hears on the bus, and what it says there itself."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import pika
from pika.adapters.blocking_connection import BlockingChannel
from tests.waiting import wait_until

from exposure_bus.broker import envelope_of, properties_for
from exposure_schemas import ExposureSummary, Heartbeat, Message, decode, encode


@dataclass(frozen=True)
class Heard:
    """A delivery."""

    routing_key: str
    properties: pika.BasicProperties
    body: bytes

    @cached_property
    def message(self) -> Message:
        return decode(self.body, envelope_of(self.properties))


class Listener:
    """A queue of a test's own, and a channel to the broker.

    Args:
        channel: To the broker.
        bindings: Exchange and key, each.
    """

    def __init__(self, channel: BlockingChannel, *bindings: tuple[str, str]) -> None:
        self.channel = channel
        self.queue = str(channel.queue_declare("", exclusive=True).method.queue)
        for exchange, key in bindings:
            channel.queue_bind(self.queue, exchange, key)
        self.heard: list[Heard] = []

    def listen(self) -> Self:
        """Take whatever has come."""
        while (got := self.channel.basic_get(self.queue, auto_ack=True))[0] is not None:
            method, properties, body = got
            self.heard.append(Heard(method.routing_key, properties, body))
        return self

    @property
    def summaries(self) -> list[ExposureSummary]:
        """Every summary so far."""
        messages = (each.message for each in self.listen().heard)
        return [message for message in messages if isinstance(message, ExposureSummary)]

    @property
    def heartbeats(self) -> list[Heartbeat]:
        """Every heartbeat so far."""
        messages = (each.message for each in self.listen().heard)
        return [message for message in messages if isinstance(message, Heartbeat)]

    def wait_for(self, count: int) -> list[ExposureSummary]:
        """Wait until so many summaries have come."""
        wait_until(lambda: len(self.summaries) >= count, f"{count} summaries")
        return self.summaries

    def wait_until(self, heard: Callable[[Self], Any], what: str) -> None:
        """Wait until something holds of what was heard."""
        wait_until(lambda: heard(self.listen()), what)

    def say(self, message: Message, exchange: str, key: str) -> None:
        """Publish a message of ours."""
        self.channel.basic_publish(exchange, key, encode(message), properties_for(message, "of-a-test"))


@contextlib.contextmanager
def listening(broker_url: str, *bindings: tuple[str, str]) -> Iterator[Listener]:
    """Listen for the length of a block."""
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
        yield Listener(connection.channel(), *bindings)
