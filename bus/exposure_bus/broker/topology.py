"""What stands in the broker: exchanges, the log stream, queues, bindings.

All of it is declared before use, by whoever comes first, and again after every reconnect, since a broker may come back
empty. A user without the right to configure declares passively: then it must stand already.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from exposure_bus.errors import BrokerUnreachable
from exposure_schemas.routing import (
    ALARM_EXCHANGE,
    EVERY_EXPOSURE,
    EVERYBODY,
    EXCHANGE,
    HEARTBEAT_KEY,
    LOG_STREAM,
    REJECTED_EXCHANGE,
    REJECTED_QUEUE,
    REPLAY_EXCHANGE,
    REQUEST_QUEUE,
    follower_queue,
)

log = logging.getLogger(__name__)

Topology = Callable[["Declarer"], None]
"""Declares what its caller needs."""

DAY: Final = 24 * 3600

ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
_ACTIVE: Final = False
_PASSIVE: Final = True

LOG_ARGUMENTS: Final = {
    "x-queue-type": "stream",
    "x-max-age": "90D",
    "x-max-length-bytes": 5 * 10**9,
    "x-stream-max-segment-size-bytes": 50 * 10**6,
}
"""Ninety days at the telescope are 100 MB; age acts only when a segment rolls, so segments are small."""

FOLLOWER_ARGUMENTS: Final = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,
    "x-max-length": 1_000_000,
    "x-max-length-bytes": 10**9,
    "x-overflow": "drop-head",
    "x-expires": 14 * DAY * 1000,
    "x-delivery-limit": 100,
    "x-dead-letter-exchange": REJECTED_EXCHANGE,
}
"""Bounded in every way: an absent follower never fills the broker's disk, healing brings back what fell out."""

REQUEST_ARGUMENTS: Final = {"x-queue-type": "quorum", "x-max-length": 10_000, "x-overflow": "drop-head"}
"""A request that falls out is asked again at a later heartbeat."""

REJECTED_ARGUMENTS: Final = {"x-queue-type": "quorum", "x-max-length": 10_000, "x-overflow": "drop-head"}


class Declarer:
    """Declares, or only looks where it may not declare.

    Args:
        connection: An open connection; channels that a refusal closes are replaced.
    """

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection
        self._channel: BlockingChannel = connection.channel()

    def exchange(self, name: str, kind: str) -> None:
        """Declare a durable exchange."""
        self._declare(lambda passive: self._channel.exchange_declare(name, kind, durable=True, passive=passive))

    def queue(self, name: str, arguments: dict[str, Any]) -> None:
        """Declare a durable queue or stream."""
        self._declare(
            lambda passive: self._channel.queue_declare(name, durable=True, passive=passive, arguments=arguments)
        )

    def consumers(self, queue: str) -> int:
        """Return how many consume from a queue: none, where its node does not say."""
        try:
            return int(self._channel.queue_declare(queue, passive=True).method.consumer_count)
        except exceptions.ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
            self._channel = self._connection.channel()
            return 0

    def delete(self, queue: str) -> None:
        """Delete a queue, whatever it holds; one that may not be deleted is left as it is."""
        try:
            self._channel.queue_delete(queue)
        except exceptions.ChannelClosedByBroker as error:
            if error.reply_code != ACCESS_REFUSED:
                raise
            log.warning("no right to make the queue %s anew: delete it, and declare it again", queue)
            self._channel = self._connection.channel()

    def bind(self, queue: str, exchange: str, *keys: str) -> None:
        """Bind a queue to an exchange by each of the keys."""
        for key in keys:
            try:
                self._channel.queue_bind(queue, exchange, key)
            except exceptions.ChannelClosedByBroker as error:
                if error.reply_code == NOT_FOUND:  # it stood a moment ago, so this is no refusal that lasts
                    raise BrokerUnreachable(f"{queue} or {exchange} was deleted while one was bound") from error
                if error.reply_code != ACCESS_REFUSED:
                    raise
                log.debug("no right to bind %s to %s: it must be bound already", queue, exchange)
                self._channel = self._connection.channel()

    def unbind(self, queue: str, exchange: str, key: str) -> None:
        """Let a queue get nothing more by a key; one that may not be unbound is left as it is."""
        try:
            self._channel.queue_unbind(queue, exchange, key)
        except exceptions.ChannelClosedByBroker as error:
            if error.reply_code != ACCESS_REFUSED:
                raise
            log.warning("no right to unbind %s from %s: do it, it confirms nothing", queue, exchange)
            self._channel = self._connection.channel()

    def _declare(self, declare: Callable[[bool], Any]) -> None:
        try:
            declare(_ACTIVE)
        except exceptions.ChannelClosedByBroker as error:
            if error.reply_code != ACCESS_REFUSED:
                raise
            self._channel = self._connection.channel()
            declare(_PASSIVE)


def declare_exchanges(declarer: Declarer) -> None:
    """Declare every exchange, and where dead letters end."""
    declarer.exchange(EXCHANGE, "topic")
    declarer.exchange(REPLAY_EXCHANGE, "direct")
    declarer.exchange(ALARM_EXCHANGE, "topic")
    declarer.exchange(REJECTED_EXCHANGE, "topic")
    declarer.queue(REJECTED_QUEUE, REJECTED_ARGUMENTS)
    # Heartbeats that fall out of an absent follower's queue are of no use to anybody.
    declarer.bind(REJECTED_QUEUE, REJECTED_EXCHANGE, EVERY_EXPOSURE)


def declare_publisher(declarer: Declarer) -> None:
    """Declare what the relay publishes to and reads from."""
    declare_publisher_without_log(declarer)
    try:
        declare_log(declarer)
    except exceptions.ChannelClosedByBroker as error:
        if error.reply_code != NOT_FOUND:
            raise
        # A stream comes up later than its broker, and one that was killed at its birth not before the next restart.
        log.warning("going on without the log stream, taps have no history for now: %s", error.reply_text)


def declare_publisher_without_log(declarer: Declarer) -> None:
    """Declare the same but for the log stream, which is left as it is."""
    declare_exchanges(declarer)
    declarer.queue(REQUEST_QUEUE, REQUEST_ARGUMENTS)


def leave_out_log(declarer: Declarer) -> None:
    """Declare what the relay needs, and let the log stream get nothing more: it confirms nothing."""
    declare_publisher_without_log(declarer)
    declarer.unbind(LOG_STREAM, EXCHANGE, EVERY_EXPOSURE)


def declare_log(declarer: Declarer) -> None:
    """Declare the stream that keeps the history for taps."""
    declarer.queue(LOG_STREAM, LOG_ARGUMENTS)
    declarer.bind(LOG_STREAM, EXCHANGE, EVERY_EXPOSURE)


def declare_follower(subscriber: str) -> Topology:
    """Return what declares a follower's queue and its bindings."""

    def declare(declarer: Declarer) -> None:
        declare_exchanges(declarer)
        declarer.queue(REQUEST_QUEUE, REQUEST_ARGUMENTS)
        queue = follower_queue(subscriber)
        declarer.queue(queue, FOLLOWER_ARGUMENTS)
        declarer.bind(queue, EXCHANGE, EVERY_EXPOSURE, HEARTBEAT_KEY)
        declarer.bind(queue, REPLAY_EXCHANGE, subscriber, EVERYBODY)

    return declare
