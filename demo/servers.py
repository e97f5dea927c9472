"""The servers of a demo: a RabbitMQ node of its own, or one that is named; a PostgreSQL cluster, if it is asked for."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError

from errors import Misused, Unreachable
from places import Places
from private_servers import PostgreSQL, RabbitMQ, Server

Kind = Literal["sqlite", "postgresql"]

BROKER_VARIABLE: Final = "EXPOSURE_BUS_BROKER_URL"

_TIMEOUT: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Databases:
    """Addresses of the two databases."""

    exposure_db: str
    """The exposureDB."""
    cache: str
    """The follower's cache."""
    server: Server | None = None
    """The private cluster that has them; None for files."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where RabbitMQ is."""

    url: str
    """Its address."""
    server: Server | None = None
    """The private node; None for one that ran already."""


@contextmanager
def databases(here: Places, kind: Kind) -> Iterator[Databases]:
    """Give the demo its databases: SQLite files, or databases of a private PostgreSQL cluster."""
    if kind == "sqlite":
        yield Databases(exposure_db=f"sqlite:///{here.exposure_db}", cache=f"sqlite:///{here.cache}")
        return
    with PostgreSQL(here.postgresql) as server:
        yield Databases(
            exposure_db=server.create_database("exposuredb"),
            cache=server.create_database("exposure_cache"),
            server=server,
        )


def named_broker() -> str | None:
    """Return the address of a broker that the environment names, once it has answered; None if it names none.

    Raises:
        Misused: The address cannot be read.
        Unreachable: Nobody answers there.
    """
    url = os.environ.get(BROKER_VARIABLE) or None
    if url is not None:
        _connect(url).close()
    return url


@contextmanager
def broker(here: Places, named: str | None) -> Iterator[Broker]:
    """Give the demo its broker.

    Args:
        here: The demo's folder.
        named: A broker that runs already; None: a private node.
    """
    if named is not None:
        yield Broker(url=named)
        return
    with RabbitMQ(here.broker) as node:
        yield Broker(url=node.url, server=node)


@contextmanager
def own_subscriber(broker_url: str) -> Iterator[str]:
    """Give the demo a subscriber's name that nobody else has, and remove its queue at the end."""
    name = f"demo-{uuid.uuid4().hex[:8]}"
    try:
        yield name
    finally:
        with suppress(Unreachable, AMQPError, OSError):  # a broker that is gone keeps no queue that matters
            connection = _connect(broker_url)
            connection.channel().queue_delete(f"exposures.{name}")
            connection.close()


def _connect(urls: str) -> BlockingConnection:
    """Connect to the first address that answers."""
    reasons = []
    for url in urls.split(","):
        parameters = _parameters(url.strip())
        try:
            return BlockingConnection(parameters)
        except (AMQPError, OSError) as error:
            reasons.append(f"{parameters.host}:{parameters.port}: {_plainly(error)}")
    raise Unreachable(f"the broker that {BROKER_VARIABLE} names does not let us in: {'; '.join(reasons)}")


def _parameters(url: str) -> pika.URLParameters:
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError, IndexError) as error:
        # The address is not repeated: what makes it unreadable may be its password.
        advice = "write amqp://user:password@host:port/virtual-host"
        raise Misused(f"{BROKER_VARIABLE} cannot be read as an address: {advice}") from error
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = _TIMEOUT
    return parameters


def _plainly(error: BaseException) -> str:
    """Return the reason that pika's errors wrap, in their arguments or as ``exception``."""
    for inner in (*error.args, getattr(error, "exception", None)):
        if isinstance(inner, BaseException):
            return _plainly(inner)
    return str(error) or type(error).__name__
