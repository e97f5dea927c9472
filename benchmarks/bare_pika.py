"""The floor of what is live: pika to pika through a queue of the kind that followers have, and nothing else.

``python -m benchmarks.bare_pika receive URL QUEUE`` writes when each message came, in a process of its own;
``count URL QUEUE MESSAGES`` takes so many, acked together, and ends.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, Final

import pika
from pika.adapters.select_connection import IOLoop

from exposure_bus.broker.topology import FOLLOWER_ARGUMENTS

SIZE: Final = 420
"""Bytes of a live message: an exposure without a manifest."""

IN_FLIGHT: Final = 1000
_ACKED_TOGETHER: Final = 100
_STAMP: Final = 20
_PERSISTENT: Final = pika.BasicProperties(delivery_mode=2, content_type="application/msgpack", message_id="1")


def declare(url: str, queue: str) -> Any:
    """Declare a queue of the kind that followers have, and return the blocking channel."""
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.queue_declare(queue, durable=True, arguments=FOLLOWER_ARGUMENTS)
    return channel


def send(channel: Any, queue: str, number: int) -> int:
    """Publish a message that says its number, and return the moment, in nanoseconds."""
    body = f"{number:0{_STAMP}d}".encode().ljust(SIZE)
    sent = time.monotonic_ns()
    channel.basic_publish("", queue, body, _PERSISTENT)
    return sent


def publish(url: str, queue: str, count: int) -> None:
    """Publish messages with confirms, a thousand in flight, and return when the broker has them all."""
    _run(url, lambda channel: _Flight(channel, queue, count).begin())


class _Flight:
    def __init__(self, channel: Any, queue: str, count: int) -> None:
        self._channel = channel
        self._queue = queue
        self._count = count
        self._sent = 0
        self._confirmed = 0
        self._body = b"x" * SIZE

    def begin(self) -> None:
        self._channel.confirm_delivery(self._on_answer)
        self._fill()

    def _fill(self) -> None:
        while self._sent < self._count and self._sent - self._confirmed < IN_FLIGHT:
            self._channel.basic_publish("", self._queue, self._body, _PERSISTENT)
            self._sent += 1

    def _on_answer(self, frame: Any) -> None:
        method = frame.method
        self._confirmed = method.delivery_tag if method.multiple else self._confirmed + 1
        self._fill()
        if self._confirmed >= self._count:
            self._channel.connection.close()


def _receive(url: str, queue: str) -> None:
    def on_message(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        sys.stdout.write(f"{int(body[:_STAMP])} {time.monotonic_ns()}\n")
        sys.stdout.flush()
        channel.basic_ack(method.delivery_tag)

    _run(url, lambda channel: _consume(channel, queue, on_message))


def _count(url: str, queue: str, count: int) -> None:
    def on_message(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        if method.delivery_tag % _ACKED_TOGETHER == 0 or method.delivery_tag == count:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if method.delivery_tag == count:
            sys.stderr.write("all came\n")
            channel.queue_delete(queue, callback=lambda _frame: channel.connection.close())

    _run(url, lambda channel: _consume(channel, queue, on_message))


def _consume(channel: Any, queue: str, on_message: Callable[..., None]) -> None:
    channel.basic_qos(prefetch_count=IN_FLIGHT)
    channel.basic_consume(queue, on_message)
    sys.stderr.write("connected to the broker\n")


def _run(url: str, work: Callable[[Any], None]) -> None:
    """Run a loop with one channel, until the connection is closed."""
    loop = IOLoop()
    pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=lambda connection: connection.channel(on_open_callback=work),
        on_close_callback=lambda _connection, _reason: loop.stop(),
        custom_ioloop=loop,
    )
    loop.start()
    loop.close()


if __name__ == "__main__":
    if sys.argv[1] == "count":
        _count(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        _receive(sys.argv[2], sys.argv[3])
