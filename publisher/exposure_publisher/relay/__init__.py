"""The relay: takes every change of the exposureDB to the bus, in order, and knows which have arrived."""

from exposure_publisher.relay.relay import Relay

__all__ = ["Relay"]
