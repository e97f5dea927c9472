"""Asking the publisher what the exposureDB holds."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, NackError, UnroutableError

from exposure_bus.broker import envelope_of, properties_for
from exposure_bus.broker.blocking import open_channel
from exposure_bus.errors import Incomplete
from exposure_schemas import (
    AuditAnswer,
    AuditedExposure,
    AuditRequest,
    DecodeError,
    NightDigest,
    decode,
    encode,
    follower_queue,
)
from exposure_schemas.routing import REPLAY_EXCHANGE, REQUEST_QUEUE


class NoAnswer(Incomplete):
    """The publisher did not answer, so nothing can be proved; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the publisher says, all parts of it."""

    epoch: str
    """The ledger that the numbers belong to."""
    newest: int
    """The newest number that had been sent when the answer was begun."""
    nights: tuple[NightDigest, ...]
    """A digest of each night, ascending, if no exposures were asked for."""
    exposures: tuple[AuditedExposure, ...]
    """The exposures that were asked for, ascending by expid."""


class Publisher:
    """The publisher, as one who may be asked; a context manager, within which the answers' queue exists.

    Args:
        broker_url: RabbitMQ.
        subscriber: Who asks; part of the name of the answers' queue.
        timeout: Seconds without a word after which there is no answer.
        busy: Called after each such time in which a publisher is there and answers others first, which is waited for;
            with None there is no answer then.

    Raises:
        BrokerUnreachable: The broker does not answer.
        BrokerRefused: It says no.
    """

    def __init__(
        self, broker_url: str, subscriber: str, *, timeout: float = 30.0, busy: Callable[[], object] | None = None
    ) -> None:
        self._reply_to = f"{subscriber}.audit-{secrets.token_hex(4)}"
        self._timeout = timeout
        self._busy = busy
        self._opened = ExitStack()
        self._channel: BlockingChannel = self._opened.enter_context(
            open_channel(broker_url, f"exposure-bus audit {subscriber}")
        )

    def ask(self, *, night: int | None = None, expids: Sequence[int] = ()) -> Answer:
        """Ask what the exposureDB holds.

        Args:
            night: Each exposure of this night, YYYYMMDD.
            expids: Each of these exposures, at most `exposure_schemas.MOST_EXPOSURES`. With neither: each night.

        Raises:
            NoAnswer: The publisher does not answer in time.
        """
        _send(
            self._channel,
            AuditRequest(reply_to=self._reply_to, night=night, expids=tuple(expids), requested_at=datetime.now(UTC)),
        )
        return _whole(list(_parts(self._channel, follower_queue(self._reply_to), self._timeout, self._busy)))

    def __enter__(self) -> Self:
        with self._opened.pop_all() as opened:
            queue = follower_queue(self._reply_to)
            self._channel.queue_declare(queue, exclusive=True)
            self._channel.queue_bind(queue, REPLAY_EXCHANGE, self._reply_to)
            self._channel.confirm_delivery()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, traceback)


def _send(channel: BlockingChannel, request: AuditRequest) -> None:
    properties = properties_for(request, request.reply_to)
    try:
        channel.basic_publish("", REQUEST_QUEUE, encode(request), properties, mandatory=True)
    except (UnroutableError, NackError) as error:
        raise NoAnswer(f"nobody can be asked: the broker has no queue {REQUEST_QUEUE}; {_RUNNING}") from error


def _parts(
    channel: BlockingChannel, queue: str, timeout: float, busy: Callable[[], object] | None
) -> Iterator[AuditAnswer]:
    expected = 0
    deadline = time.monotonic() + timeout
    for _method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=1.0):
        if properties is None:  # a second without a word
            if time.monotonic() > deadline:
                if expected or not _stands_in_line(channel):
                    raise NoAnswer(f"the publisher did not answer within {timeout:g} s; {_RUNNING}")
                if busy is None:
                    raise NoAnswer(f"the publisher has been answering others for {timeout:g} s: try again")
                busy()
                deadline = time.monotonic() + timeout
            continue
        part = _read(properties, body)
        if part.part != expected:
            raise NoAnswer("a part of the publisher's answer was lost: try again")
        yield part
        if part.last:
            channel.cancel()
            return
        expected, deadline = expected + 1, time.monotonic() + timeout


def _stands_in_line(channel: BlockingChannel) -> bool:
    """Whether requests wait, ours among them if it is not answered yet, and somebody takes them one by one.

    A publisher that is dead, hangs or has no exposureDB takes none: the broker drops it as a consumer.
    """
    try:
        line = channel.queue_declare(REQUEST_QUEUE, passive=True).method
    except ChannelClosedByBroker:
        return False  # it is gone, or down
    return bool(line.message_count and line.consumer_count)


def _read(properties: object, body: bytes) -> AuditAnswer:
    try:
        message = decode(body, envelope_of(properties))
    except DecodeError as error:
        raise NoAnswer(f"the publisher's answer cannot be read: {error}") from error
    if not isinstance(message, AuditAnswer):
        raise NoAnswer(f"the publisher answered with a {type(message).__name__}")
    return message


def _whole(parts: list[AuditAnswer]) -> Answer:
    return Answer(
        epoch=parts[0].epoch,
        newest=parts[0].newest,
        nights=tuple(night for part in parts for night in part.nights),
        exposures=tuple(exposure for part in parts for exposure in part.exposures),
    )


_RUNNING = "is `exposure-bus publish` running?"
