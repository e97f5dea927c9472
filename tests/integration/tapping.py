"""What tests of the tap share: a publisher, and taps that read in a thread."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pika
from pika.exceptions import ChannelClosedByBroker
from tests.waiting import wait_until

from exposure_bus.broker import properties_for
from exposure_monitor.tap import Tap, Tapped
from exposure_schemas import Exposure, ExposureSummary, Message, encode, routing, routing_key

NOW = datetime.now(UTC)


class Publisher:
    """Publishes with confirms, so that what it returns from is in the log."""

    def __init__(self, url: str) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def expose(self, *expids: int, published_at: datetime | None = None, **values: Any) -> None:
        """Announce exposures, each in a message of its own."""
        for expid in expids:
            one = exposure(expid, **values)
            self.send(routing.EXCHANGE, routing_key(one), summary(one, published_at=published_at))

    def send(self, exchange: str, key: str, message: Message) -> None:
        self.publish(exchange, key, encode(message), properties_for(message, "id"))

    def publish(self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties | None = None) -> None:
        self.channel.basic_publish(exchange, key, body, properties, mandatory=True)


def log_is_back(publisher: Publisher) -> bool:
    """Tell whether the log takes messages: a broker answers a little before its streams do."""
    try:
        publisher.connection.channel().queue_declare(routing.LOG_STREAM, passive=True)
    except ChannelClosedByBroker:
        return False
    return True


def exposure(expid: int, **values: Any) -> Exposure:
    known: dict[str, Any] = {
        "night": 20230913,
        "exptype": "science",
        "program": "dark",
        "data_written": True,
        "data_written_at": NOW,
    }
    return Exposure(expid=expid, sequence=expid, **(known | values))


def summary(*exposures: Exposure, published_at: datetime | None = None) -> ExposureSummary:
    return ExposureSummary(
        epoch="epoch",
        covers=(exposures[0].sequence, exposures[-1].sequence),
        replayed=False,
        published_at=published_at or datetime.now(UTC),
        exposures=exposures,
    )


@contextlib.contextmanager
def publishing(url: str) -> Iterator[Publisher]:
    """Publish for the length of a block."""
    publisher = Publisher(url)
    with contextlib.closing(publisher.connection):
        yield publisher


@contextlib.contextmanager
def reading(tap: Tap) -> Iterator[list[Tapped]]:
    """Read in a thread, for the length of a block, once the tap is connected."""
    seen: list[Tapped] = []

    def read() -> None:
        for tapped in tap:
            seen.append(tapped)  # noqa: PERF402 (extend may show them late)

    thread = Thread(target=read)
    thread.start()
    try:
        wait_until(lambda: tap.connected, "the tap connects")
        yield seen
    finally:
        tap.stop()
        thread.join(30)
        assert not thread.is_alive()


def expids(seen: list[Tapped]) -> list[int]:
    return [one.expid for tapped in seen for one in tapped.exposures]


def has_seen(seen: list[Tapped], *wanted: int) -> None:
    wait_until(lambda: len(expids(seen)) >= len(wanted), f"{wanted} are seen")
    assert expids(seen) == list(wanted)
