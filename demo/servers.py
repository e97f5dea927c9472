"""The servers of a demo: a RabbitMQ node of its own, or one that is named; a PostgreSQL cluster, if it is asked for."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError

from errors import Misused
from places import Places
from private_servers import PostgreSQL, RabbitMQ

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


@contextmanager
def databases(here: Places, kind: Kind) -> Iterator[Databases]:
    """Give the demo its databases: SQLite files, or databases of a private PostgreSQL cluster."""
    if kind == "sqlite":
        yield Databases(exposure_db=f"sqlite:///{here.exposure_db}", cache=f"sqlite:///{here.cache}")
        return
    with PostgreSQL(here.postgresql) as server:
        yield Databases(
            exposure_db=server.create_database("exposuredb"), cache=server.create_database("exposure_cache")
        )


@contextmanager
def broker(here: Places, named: str | None) -> Iterator[str]:
    """Give the demo its broker's address.

    Args:
        here: The demo's folder.
        named: A broker that runs already; None: a private node.

    Raises:
        Misused: The named broker cannot be reached.
    """
    if named is None:
        with RabbitMQ(here.broker) as node:
            yield node.url
    else:
        _connect(named).close()
        yield named


@contextmanager
def own_subscriber(broker_url: str) -> Iterator[str]:
    """Give the demo a subscriber's name that nobody else has, and remove its queue at the end."""
    name = f"demo-{uuid.uuid4().hex[:8]}"
    try:
        yield name
    finally:
        with suppress(Misused, AMQPError, OSError):  # a broker that is gone keeps no queue that matters
            connection = _connect(broker_url)
            connection.channel().queue_delete(f"exposures.{name}")
            connection.close()


def _connect(urls: str) -> BlockingConnection:
    """Connect to the first address that answers."""
    why = ""
    for url in urls.split(","):
        parameters = pika.URLParameters(url.strip())
        parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = _TIMEOUT
        try:
            return BlockingConnection(parameters)
        except (AMQPError, OSError) as error:
            reason = str(error) or type(error).__name__
            why = f"{why}; {parameters.host}:{parameters.port}: {reason}"
    raise Misused(f"{BROKER_VARIABLE} names a broker that cannot be reached{why}")
