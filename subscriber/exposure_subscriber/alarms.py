"""Alarms from QLF to ICS: sent at once if the broker is there, kept in the cache until it is.

QLF raises alarms outside any ``try``: a broker that is away must not end it, and must not lose the alarm either.
"""

import logging
import socket
from datetime import UTC, datetime
from typing import Final

import msgspec

from exposure_bus.broker import ConfirmedPublisher, properties_for, publish_once
from exposure_schemas import (
    ALARM_LEVELS,
    MSGPACK,
    Alarm,
    AlarmLevel,
    DecodeError,
    Envelope,
    InvalidValue,
    alarm_key,
    decode,
    encode,
)
from exposure_schemas.codec import SCHEMA_VERSION
from exposure_schemas.routing import ALARM_EXCHANGE
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.errors import InvalidAlarm

log = logging.getLogger(__name__)

MOST_WAITING: Final = 1000
"""Alarms that are kept for a broker that is away; the oldest go first."""


def make_alarm(message: str, level: str, subscriber: str) -> Alarm:
    """Return a validated alarm.

    Args:
        message: What is wrong, for a person at the telescope.
        level: One of `exposure_schemas.ALARM_LEVELS`.
        subscriber: Which follower's QLF raises it.

    Raises:
        InvalidAlarm: The message is no text or empty, or the level is none of ICS's.
    """
    if level not in ALARM_LEVELS:
        raise InvalidAlarm(f"alarm level {level!r}: ICS knows {', '.join(ALARM_LEVELS)}")
    values = {
        "message": message,
        "level": level,
        "subscriber": subscriber,
        "host": socket.gethostname(),
        "raised_at": datetime.now(UTC),
    }
    try:
        alarm = msgspec.convert(values, Alarm)
        encode(alarm)  # text that is no Unicode is found here, and not when it is to be sent
    except (msgspec.ValidationError, InvalidValue, UnicodeError) as error:
        raise InvalidAlarm(f"alarm message {message!r}: {error}") from error
    return alarm


def send_now(broker_url: str, alarm: Alarm) -> None:
    """Publish an alarm, and wait until the broker has given it to somebody.

    Raises:
        BrokerError: It could not; the alarm went nowhere.
    """
    publish_once(
        broker_url,
        "exposure-bus alarm",
        exchange=ALARM_EXCHANGE,
        routing_key=alarm_key(alarm.level),
        body=encode(alarm),
        properties=properties_for(alarm, _message_id(alarm)),
    )


def _message_id(alarm: Alarm) -> str:
    return f"alarm-{alarm.host}-{alarm.raised_at.timestamp()}"


class AlarmOutbox:
    """Alarms in the cache that ICS has not got yet.

    Args:
        database: The cache.
    """

    def __init__(self, database: CacheDatabase) -> None:
        self._database = database
        self._on_their_way: set[int] = set()

    def keep(self, alarm: Alarm) -> None:
        """Keep an alarm until the follower can send it; of whatever version the cache is, it has a place for alarms."""
        with self._database.transaction_of_any_version() as writer:
            writer.execute("INSERT INTO alarm (body) VALUES (?)", (encode(alarm),))
            writer.execute("DELETE FROM alarm WHERE id <= (SELECT max(id) FROM alarm) - ?", (MOST_WAITING,))

    def waiting(self) -> int:
        """Return how many alarms wait."""
        return int(self._database.query("SELECT count(*) FROM alarm")[0][0])

    def send(self, publisher: ConfirmedPublisher[int]) -> None:
        """Publish what waits; `sent` takes it out."""
        for number, body in self._database.query("SELECT id, body FROM alarm ORDER BY id"):
            if number in self._on_their_way:
                continue
            alarm = _read(bytes(body))
            self._on_their_way.add(number)
            level: AlarmLevel = alarm.level
            properties = properties_for(alarm, _message_id(alarm))
            publisher.publish(number, ALARM_EXCHANGE, alarm_key(level), bytes(body), properties)

    def sent(self, numbers: list[int]) -> None:
        """Take out what the broker has."""
        with self._database.transaction() as writer:
            writer.executemany("DELETE FROM alarm WHERE id = ?", [(number,) for number in numbers])
        self.refused(numbers)

    def refused(self, numbers: list[int]) -> None:
        """Note that alarms are on their way no longer."""
        self._on_their_way.difference_update(numbers)

    def forget(self) -> None:
        """Note that the connection was lost, and with it whatever was on its way."""
        self._on_their_way.clear()


def _read(body: bytes) -> Alarm:
    message = decode(body, Envelope(type="alarm", content_type=MSGPACK, schema_version=SCHEMA_VERSION))
    if not isinstance(message, Alarm):
        raise DecodeError("invalid", "what waits in the cache is no alarm")
    return message
