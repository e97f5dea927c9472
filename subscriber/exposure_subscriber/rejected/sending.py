"""Publishing a message as it is, where one that the broker refuses does not end the next."""

import pika
from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from exposure_bus.errors import BrokerRefused, BrokerUnreachable


class Sender:
    """Publishes one message after the other, each confirmed and routed to a queue.

    Args:
        connection: An open connection; a channel that a refusal closes is replaced.
    """

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection
        self._channel: BlockingChannel | None = None

    def send(self, exchange: str, routing_key: str, properties: pika.BasicProperties, body: bytes) -> None:
        """Publish a message, and wait until a queue has it.

        Raises:
            BrokerUnreachable: No queue is bound for it, or the broker did not take it now.
            BrokerRefused: The broker does not take such a message, or pika cannot write it.
        """
        try:
            self._open().basic_publish(exchange, routing_key, body, properties, mandatory=True)
        except exceptions.UnroutableError as error:
            raise BrokerUnreachable(f"no queue is bound to {exchange} for {routing_key!r}") from error
        except exceptions.NackError as error:
            raise BrokerUnreachable("the broker did not take it; try again") from error
        except exceptions.AMQPConnectionError:
            raise  # it is not this message's fault, and the next has no chance either
        except exceptions.AMQPError as error:
            self._channel = None
            reason = getattr(error, "reply_text", None) or type(error).__name__
            raise BrokerRefused(f"the broker does not take it: {reason}") from error

    def _open(self) -> BlockingChannel:
        if self._channel is None or not self._channel.is_open:
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        return self._channel
