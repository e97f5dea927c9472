"""RabbitMQ: where it is, what stands in it, a connection that comes back, and confirms that have a deadline."""

from exposure_bus.broker.blocking import open_channel, publish_once
from exposure_bus.broker.confirms import ConfirmedPublisher
from exposure_bus.broker.consumer import Consumer
from exposure_bus.broker.link import BrokerLink
from exposure_bus.broker.properties import envelope_of, properties_for

__all__ = [
    "BrokerLink",
    "ConfirmedPublisher",
    "Consumer",
    "envelope_of",
    "open_channel",
    "properties_for",
    "publish_once",
]
