"""A short-lived connection for a few steps: declaring, tapping, one message."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pika
from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from exposure_bus.broker.failures import FOREIGN, translate
from exposure_bus.broker.parameters import connection_parameters
from exposure_bus.broker.topology import Declarer, Topology
from exposure_bus.errors import BrokerError, BrokerUnreachable

PUBLISH_TIMEOUT: Final = 5
"""Seconds after which a broker that blocks publishing is given up."""


@contextmanager
def open_connection(broker_url: str, name: str) -> Iterator[BlockingConnection]:
    """Open a connection to the first address that answers, and close it at the end.

    Raises:
        BrokerUnreachable: None answers, or the connection is lost within.
        BrokerRefused: The broker refuses what was asked for.
        SettingsError: The URL cannot be read.
    """
    connection, address = _connect(broker_url, name)
    try:
        yield connection
    except FOREIGN as error:
        raise translate(error, address) from error
    finally:
        _close(connection)


@contextmanager
def open_channel(broker_url: str, name: str) -> Iterator[BlockingChannel]:
    """Open a connection and one channel on it; raises as `open_connection`."""
    with open_connection(broker_url, name) as connection:
        yield connection.channel()


def declare(broker_url: str, name: str, topology: Topology) -> None:
    """Declare a topology; raises as `open_connection`."""
    with open_connection(broker_url, name) as connection:
        topology(Declarer(connection))


def publish_once(
    broker_url: str, name: str, *, exchange: str, routing_key: str, body: bytes, properties: pika.BasicProperties
) -> None:
    """Publish one message and wait until the broker has given it to a queue.

    Raises:
        BrokerUnreachable: As `open_connection`, or the broker did not take it, or nobody listens.
        BrokerRefused: As `open_connection`.
    """
    with open_channel(broker_url, name) as channel:
        channel.confirm_delivery()
        try:
            channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
        except exceptions.UnroutableError as error:
            raise BrokerUnreachable(f"nobody listens to {exchange} at the broker now") from error
        except exceptions.NackError as error:
            raise BrokerUnreachable("the broker did not take the message; try again") from error


def _connect(broker_url: str, name: str) -> tuple[BlockingConnection, str]:
    failure: BrokerError | None = None
    for parameters in connection_parameters(broker_url, name):
        address = f"{parameters.host}:{parameters.port}"
        parameters.blocked_connection_timeout = PUBLISH_TIMEOUT
        try:
            return BlockingConnection(parameters), address
        except FOREIGN as error:
            failure = translate(error, address)
        except ValueError as error:  # the only one that is left: pika's word for a reset while it was connected
            failure = BrokerUnreachable(f"the broker at {address} does not answer: {error}")
    assert failure is not None, "a broker URL has at least one address"  # noqa: S101 (for the type checker)
    raise failure


def _close(connection: BlockingConnection) -> None:
    try:
        connection.close()
    except FOREIGN:
        return  # it is gone already, which is what we want
