"""Real servers for the tests that need them: private, on loopback, stopped at the end."""

import contextlib
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker
from pytest_rabbitmq import factories
from tests.order import MARKER, in_order
from tests.processes import Processes

from exposure_bus.broker.topology import Declarer, declare_publisher
from exposure_schemas import follower_queue, routing
from private_servers import PostgreSQL, RabbitMQ

_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def begun_first(item: pytest.Item) -> str | None:
        marker = item.get_closest_marker(MARKER)
        return marker and str(marker.args[0])

    items[:] = in_order(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), begun_first)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Take away what a command that a test ran in this process has set up: it would write to a stream that is gone."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def rabbitmq_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ node that lives as long as the run."""
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


rabbitmq = factories.rabbitmq("rabbitmq_node", teardown=lambda _process, _connection: None)
"""pytest-rabbitmq's connection to it."""


@pytest.fixture
def broker_url(rabbitmq_node: RabbitMQ) -> str:
    """The node's address, with a topology that nothing has been published to."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_node.url))
    with contextlib.closing(connection):
        channel = connection.channel()
        for queue in (routing.LOG_STREAM, routing.REQUEST_QUEUE, routing.REJECTED_QUEUE):
            channel.queue_delete(queue)
        declare_publisher(Declarer(connection))
    return rabbitmq_node.url


@pytest.fixture
def subscriber(rabbitmq_node: RabbitMQ) -> Iterator[str]:
    """A follower's name that nobody else has; its queue is deleted afterwards."""
    name = f"test{next(_NUMBERS)}"
    yield name
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_node.url))
    with contextlib.closing(connection), contextlib.suppress(ChannelClosedByBroker):
        connection.channel().queue_delete(follower_queue(name))


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A PostgreSQL cluster that lives as long as the run."""
    with PostgreSQL(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> str:
    """An empty database of its own."""
    name = f"test{next(_NUMBERS)}"
    postgresql_server.create_database(name)
    return postgresql_server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def exposure_db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An exposureDB that is not made yet, on either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/exposuredb.sqlite"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def cache_url(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: PostgreSQL) -> str:
    """A cache that is not made yet, on either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cache.sqlite"
    name = f"test{next(_NUMBERS)}"
    postgresql_server.create_database(name)
    return postgresql_server.url(name)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Commands run as processes, with their own settings; whatever still runs is ended afterwards."""
    with Processes(tmp_path / "logs") as started:
        yield started
