"""Looking at what lies at the broker, and leaving it there.

AMQP cannot look: it takes, and gives back. A quorum queue counts how often a message came back, and throws it away
after so many times (20 from RabbitMQ 4.0 on, if nobody says otherwise; none before). So a message that came back often
is replaced by a copy, whose count begins anew: the copy is confirmed before the message is acked.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pika
from pika.adapters.blocking_connection import BlockingConnection

from exposure_bus.broker.blocking import open_connection
from exposure_bus.broker.odd_headers import odd_headers
from exposure_bus.errors import BrokerError
from exposure_schemas.routing import REJECTED_QUEUE
from exposure_subscriber.rejected.dead import deliveries, read_dead, without_marks
from exposure_subscriber.rejected.entry import Letter
from exposure_subscriber.rejected.sending import Sender

log = logging.getLogger(__name__)

MOST_LOOKS: Final = 5
"""How often a message may come back before a copy replaces it: well below any limit that makes sense."""


class Look:
    """The messages at the broker, each held until the look ends; others do not see them meanwhile.

    Args:
        connection: An open connection; if it is lost, the broker has all of them again.
    """

    def __init__(self, connection: BlockingConnection) -> None:
        self.sender = Sender(connection)
        self._channel = connection.channel()
        self._worn: dict[int, tuple[Any, pika.BasicProperties, bytes]] = {}

    def waiting(self) -> int:
        """Return how many messages wait in the queue."""
        return int(self._channel.queue_declare(REJECTED_QUEUE, passive=True).method.message_count)

    def letters(self) -> Iterator[tuple[int, Letter]]:
        """Take one after the other, the oldest first, each with the tag by which it is removed."""
        while True:
            method, properties, body = self._channel.basic_get(REJECTED_QUEUE)
            if method is None:
                return
            if deliveries(properties) >= MOST_LOOKS:
                self._worn[method.delivery_tag] = (method, properties, body)
            yield method.delivery_tag, read_dead(method.routing_key, properties, body)

    def remove(self, tag: int) -> None:
        """Remove a message for good."""
        self._channel.basic_ack(tag)
        self._worn.pop(tag, None)

    def put_back(self) -> None:
        """Give back what was not removed."""
        try:
            self._renew()
        except BrokerError as error:
            log.warning("a message at the broker cannot be renewed, and more looks may cost it: %s", error)
        self._channel.basic_nack(0, multiple=True, requeue=True)
        self._channel.close()

    def _renew(self) -> None:
        """Replace what came back often by copies that the same way leads to the same queue."""
        for tag, (method, properties, body) in list(self._worn.items()):
            self.sender.send(method.exchange, method.routing_key, without_marks(properties), body)
            self.remove(tag)


@contextmanager
def looking(broker_url: str) -> Iterator[Look]:
    """Look for the length of a block; whatever happens in it, the broker has again what was not removed.

    Raises:
        BrokerUnreachable: No address answers, or the connection is lost within.
        BrokerRefused: The broker refuses, or there is no such queue: nobody has declared it yet.
    """
    with odd_headers(), open_connection(broker_url, "exposure-bus rejected") as connection:
        look = Look(connection)
        yield look
        look.put_back()
