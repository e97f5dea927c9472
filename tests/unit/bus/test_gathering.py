"""A connection sends what one turn of the loop writes in one go."""

from collections.abc import Iterator

import pika
import pytest
from pika.adapters.select_connection import IOLoop

from exposure_bus.broker.gathering import GatheringConnection


class Wire:
    """Stands in for the connection's transport."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


@pytest.fixture
def loop() -> Iterator[IOLoop]:
    made = IOLoop()
    yield made
    made.close()


@pytest.fixture
def connection(loop: IOLoop) -> GatheringConnection:
    """A connection that nobody has told to connect."""
    return GatheringConnection(pika.ConnectionParameters(), custom_ioloop=loop, internal_connection_workflow=False)


def turn(loop: IOLoop) -> None:
    loop.add_callback(loop.stop)
    loop.start()


def test_the_frames_of_one_turn_leave_together_and_in_order(loop: IOLoop, connection: GatheringConnection) -> None:
    connection._transport = wire = Wire()
    connection._adapter_emit_data(b"method ")
    connection._adapter_emit_data(b"header ")
    connection._adapter_emit_data(b"body")
    assert wire.written == []
    turn(loop)
    assert wire.written == [b"method header body"]


def test_each_turn_sends_its_own(loop: IOLoop, connection: GatheringConnection) -> None:
    connection._transport = wire = Wire()
    for frame in (b"first", b"second"):
        connection._adapter_emit_data(frame)
        turn(loop)
    assert wire.written == [b"first", b"second"]


def test_what_a_lost_connection_had_written_in_its_last_turn_is_dropped(
    loop: IOLoop, connection: GatheringConnection
) -> None:
    connection._transport = wire = Wire()
    connection._adapter_emit_data(b"too late")
    connection._transport = None
    turn(loop)
    assert wire.written == []
