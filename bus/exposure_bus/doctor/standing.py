"""What stands in the broker, and how much waits there: everything is declared passively, which only looks."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from exposure_bus.counting import counted
from exposure_bus.doctor.finding import Finding, ok, warning
from exposure_schemas.routing import (
    ALARM_EXCHANGE,
    EXCHANGE,
    LOG_STREAM,
    REJECTED_EXCHANGE,
    REJECTED_QUEUE,
    REPLAY_EXCHANGE,
    REQUEST_QUEUE,
    follower_queue,
)

EXCHANGES: Final = (EXCHANGE, REPLAY_EXCHANGE, ALARM_EXCHANGE, REJECTED_EXCHANGE)

_NOT_FOUND: Final = 404

_DECLARE: Final = "`exposure-bus publish` or `exposure-bus follow` declares it"


def check_standing(connection: BlockingConnection, subscriber: str) -> Iterator[Finding]:
    """Look at exchanges, stream and queues.

    Args:
        connection: An open connection.
        subscriber: This host's follower.
    """
    yield _exchanges(connection)
    yield _stream(connection)
    yield _requests(connection)
    yield _follower(connection, subscriber)
    yield _dead_letters(connection)


def _exchanges(connection: BlockingConnection) -> Finding:
    missing = [name for name in EXCHANGES if _look(connection, _exchange(name)) is None]
    if missing:
        return warning("exchanges", f"not there: {', '.join(missing)}", _DECLARE)
    return ok("exchanges", ", ".join(EXCHANGES))


def _stream(connection: BlockingConnection) -> Finding:
    check = f"stream {LOG_STREAM}"
    if _queue(connection, LOG_STREAM) is None:
        return warning(check, "not there: no history is kept for taps", "`exposure-bus publish` declares it")
    return ok(check, "keeps the history for taps")


def _requests(connection: BlockingConnection) -> Finding:
    check = f"queue {REQUEST_QUEUE}"
    queue = _queue(connection, REQUEST_QUEUE)
    if queue is None:
        return warning(check, "not there: nobody can ask for a replay", _DECLARE)
    if not queue.consumer_count:
        text = f"no relay reads it, {_messages(queue)} waiting"
        return warning(check, text, "start `exposure-bus publish` on the ICS host")
    return ok(check, f"a relay reads it, {_messages(queue)} waiting")


def _follower(connection: BlockingConnection, subscriber: str) -> Finding:
    check = f"queue {follower_queue(subscriber)}"
    queue = _queue(connection, follower_queue(subscriber))
    advice = f"start `exposure-bus follow` where {subscriber} is to be, or name this host's by --subscriber"
    if queue is None:
        return warning(check, f"not there: nobody follows as {subscriber}", advice)
    if not queue.consumer_count:
        return warning(check, f"nobody reads it, {_messages(queue)} waiting", advice)
    return ok(check, f"{_messages(queue)} waiting, {queue.consumer_count} connected")


def _dead_letters(connection: BlockingConnection) -> Finding:
    check = f"queue {REJECTED_QUEUE}"
    queue = _queue(connection, REJECTED_QUEUE)
    if queue is None:
        return warning(check, "not there: what followers' queues give up is not kept", _DECLARE)
    if queue.message_count:
        text = f"{_messages(queue)} given up by followers' queues"
        return warning(check, text, "read them there (header x-death says why), then purge it")
    return ok(check, "no dead letters")


def _messages(queue: Any) -> str:
    return counted(queue.message_count, "message")


def _exchange(name: str) -> Callable[[BlockingChannel], Any]:
    return lambda channel: channel.exchange_declare(name, passive=True)


def _queue(connection: BlockingConnection, name: str) -> Any:
    """Return the broker's ``queue.declare-ok``, with its counts, or None if there is no such queue."""
    frame = _look(connection, lambda channel: channel.queue_declare(name, passive=True))
    return None if frame is None else frame.method


def _look(connection: BlockingConnection, passively: Callable[[BlockingChannel], Any]) -> Any:
    """Run on a channel of its own, since the broker closes it where there is nothing; then return None."""
    channel = connection.channel()
    try:
        found = passively(channel)
    except exceptions.ChannelClosedByBroker as error:
        if error.reply_code != _NOT_FOUND:
            raise
        return None
    channel.close()
    return found
