"""The tap: reads along on the bus, and takes nothing from anybody.

for tapped in Tap("amqp://…", match="exposure.written.science.#"):
    print(tapped.received_at, [exposure.expid for exposure in tapped.exposures], tapped.problem)
"""

import logging
from collections import deque
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Final

from pika import SelectConnection
from pika.channel import Channel

from exposure_bus.broker import BrokerLink
from exposure_bus.broker.consumer import ANSWER_TIMEOUT
from exposure_bus.errors import BrokerError, BrokerRefused
from exposure_monitor.feed import Feed
from exposure_monitor.history import History
from exposure_monitor.pattern import Pattern
from exposure_monitor.selection import Selection
from exposure_monitor.start import Start, check_start
from exposure_monitor.tapped import Tapped
from exposure_schemas.routing import EVERY_EXPOSURE

__all__ = ["Start", "Tap", "Tapped"]

log = logging.getLogger(__name__)

NAME: Final = "exposure-bus tap"

GOODBYE: Final = 1.0
"""Seconds in which a broker may answer that it closes the connection."""

RETRY: Final = 1.0
"""Seconds after which a channel that the broker closed is opened again."""


class Tap:
    """Messages of the bus, as they go over it: iterate, for as long as you like.

    It has a queue of its own that ends with the connection, or reads the log, which keeps what is read; so nobody else
    gets less. If the broker is away it waits for it. Out of the log nothing is missed or seen twice then; live, what
    comes in the meantime is missed, and it says so.

    Args:
        broker_url: RabbitMQ, one address or several separated by commas.
        match: Routing pattern of the exposures to see, such as ``exposure.written.science.#``.
        start: ``now``; or ``first``, or a moment (naive is UTC): what the log has since, and then whatever comes.
        heartbeats: Whether to see the publisher's heartbeats, from now on.
        alarms: Whether to see alarms, from now on.

    Raises:
        UsageError: The pattern is none, or the start lies in the future.

    Iterating yields each `Tapped`, and raises `BrokerRefused` if the broker refuses at the start (credentials, rights,
    no log), or `SettingsError` if the URL cannot be read. A tap is iterated once, in one thread.
    """

    def __init__(
        self,
        broker_url: str,
        *,
        match: str = EVERY_EXPOSURE,
        start: Start = "now",
        heartbeats: bool = False,
        alarms: bool = False,
    ) -> None:
        self._broker_url = broker_url
        self._start = check_start(start)
        self._selection = Selection(pattern=Pattern(match), live=start == "now", heartbeats=heartbeats, alarms=alarms)
        self._stopping = False
        self._link: BrokerLink | None = None
        self._history: History | None = None
        self._arrived: deque[Tapped] = deque()
        self._failure: BrokerError | None = None
        self._ever_ready = False
        self._connected = False
        self._seen_at: datetime | None = None
        self._last_said = ""

    @property
    def connected(self) -> bool:
        """Whether everything that comes now is seen."""
        return self._connected

    def stop(self) -> None:
        """End the iteration soon; safe in a signal handler and from another thread."""
        self._stopping = True
        if self._link is not None:
            self._link.loop.add_callback_threadsafe(self._link.stop)

    def __iter__(self) -> Generator[Tapped, None, None]:
        self._history = None if self._start == "now" else History(self._start)
        link = self._link = BrokerLink(
            self._broker_url,
            NAME,
            topology=self._selection.declare_exchanges,
            opened=self._on_opened,
            lost=self._on_lost,
        )
        run = link.run
        try:
            while not self._stopping:
                run()  # until something has arrived, or `stop`
                run = link.go_on
                yield from self._take()
        finally:
            self._stopping = True
            _hang_up(link)

    def _take(self) -> Iterator[Tapped]:
        if self._failure is not None:
            raise self._failure
        while self._arrived and not self._stopping:
            yield self._arrived.popleft()

    def _on_opened(self, channel: Channel) -> None:
        self._open_feed(channel.connection)

    def _open_feed(self, connection: SelectConnection) -> None:
        if not connection.is_open:
            return  # another one follows, and opens its own
        feed = Feed(
            self._selection,
            self._history,
            arrived=self._on_arrived,
            ready=self._on_ready,
            broken=lambda error: self._on_broken(connection, error),
        )
        feed.open(connection)
        if self._link is not None:
            self._link.loop.call_later(ANSWER_TIMEOUT, lambda: self._give_up(feed, connection))

    def _give_up(self, feed: Feed, connection: SelectConnection) -> None:
        """Take another connection if the broker has promised nothing on this: a stream without a leader never does."""
        if self._link is not None and connection.is_open and feed.waiting:
            self._link.drop("what is to be tapped does not answer")

    def _on_arrived(self, tapped: Tapped) -> None:
        if self._link is not None and not self._stopping:
            self._arrived.append(tapped)
            self._seen_at = tapped.received_at
            self._link.loop.stop()

    def _on_ready(self) -> None:
        self._connected = True
        log.info("tapping %s from %s", self._selection.pattern.text, self._history.place if self._history else "now on")
        if self._seen_at is not None and self._selection.bindings:
            kind = "exposures" if self._selection.live else "heartbeats and alarms"
            log.warning("%s since %s may have been missed", kind, f"{self._seen_at:%Y-%m-%dT%H:%M:%SZ}")
        self._ever_ready, self._seen_at, self._last_said = True, datetime.now(UTC), ""

    def _on_lost(self) -> None:
        self._connected = False

    def _on_broken(self, connection: SelectConnection, error: BrokerError) -> None:
        """Try again; but if it never worked and the broker says no, let a person mend it first."""
        if self._link is None:
            return
        self._on_lost()
        if isinstance(error, BrokerRefused) and not self._ever_ready:
            self._failure = error
            self._link.loop.stop()
            return
        if str(error) != self._last_said:
            self._last_said = str(error)
            log.warning("%s; trying again", error)
        self._link.loop.call_later(RETRY, lambda: self._open_feed(connection))


def _hang_up(link: BrokerLink) -> None:
    """Close politely, unless that has happened; a broker that does not answer is left."""
    link.stop()
    if link.connected:
        link.loop.call_later(GOODBYE, link.loop.stop)
        link.go_on()
    link.close()
