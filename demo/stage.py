"""The stage: servers, relay, follower, tap and QLF, all up and heard of; and the play of a night on it."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ICSInterface
from journal import Journal
from night import Night
from places import Places
from processes import Processes, exposure_bus
from progress import Lookout
from screen import Screen, Show
from servers import BROKER_VARIABLE, Kind, broker, databases, own_subscriber
from settings_file import settle
from stopping import tidy_undisturbed
from truth import ExposureDatabase

SPEED: Final = 2500
"""How much faster than the real night: eighteen hours in less than half a minute."""

_READY: Final = 30.0
"""Seconds within which what was started must be heard of."""
_STILL: Final = 30.0
"""Seconds in which nothing moves, after which what has not arrived is given up."""
_LOOK: Final = 0.2
"""Seconds between two looks at all stations."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that a night needs, up and running."""

    here: Places
    """The demo's folder."""
    database: ExposureDatabase
    """The truth."""
    processes: Processes
    """Relay, follower, tap and QLF."""

    def play(self, night: Night, screen: Screen) -> None:
        """Play a night until everything has arrived, or nothing moves any more; then end all processes.

        Raises:
            ProcessEnded: A process ended early.
        """
        where = ("--data", str(self.here.raw), "--speed", str(SPEED), "--limit", str(len(night.expids)))
        self.processes.start("emulate", exposure_bus("emulate", str(night.number), *where), errand=True)
        with screen.night(len(night.expids)) as show:
            self._watch(show)
        self.processes.end_all()

    def _watch(self, show: Show) -> None:
        lookout, seen, moved = Lookout(self.here, self.database), None, time.monotonic()
        while time.monotonic() - moved < _STILL:
            done = not self.processes.running("emulate")  # before the look, which then sees all that it did
            progress = lookout.look()
            show(progress)
            if done and progress.arrived:
                return
            if progress.stations != seen:
                seen, moved = progress.stations, time.monotonic()
            time.sleep(_LOOK)
            self.processes.check()


@contextmanager
def stage(here: Places, kind: Kind, named: str | None, screen: Screen) -> Iterator[Stage]:
    """Set everything up, and end it with the block.

    Args:
        here: The demo's folder.
        kind: What the two databases are.
        named: A broker that runs already; None: a private node.
        screen: Where the steps are shown.

    Raises:
        DemoError: Something does not start; its children say what.
        ServerError: A private server does not start.
    """
    stack = ExitStack()
    try:
        with screen.step("RabbitMQ" + (f" by {BROKER_VARIABLE}" if named else ", a node of its own")):
            rabbitmq = stack.enter_context(broker(here, named))
        with screen.step("exposureDB and cache: " + ("a PostgreSQL cluster" if kind == "postgresql" else "SQLite")):
            urls = stack.enter_context(databases(here, kind))
        settle(
            here,
            broker_url=rabbitmq.url,
            exposure_db_url=urls.exposure_db,
            cache_url=urls.cache,
            subscriber=stack.enter_context(own_subscriber(rabbitmq.url)),
        )
        processes = stack.enter_context(Processes(here, filter(None, (rabbitmq.server, urls.server))))
        with screen.step("relay, follower, tap and QLF"):
            _start_all(processes, here)
        yield Stage(here=here, database=ExposureDatabase(urls.exposure_db), processes=processes)
    finally:
        tidy_undisturbed()
        with screen.step("everything ended"):
            stack.close()


def _start_all(processes: Processes, here: Places) -> None:
    """Start everything but the night, and wait until all are heard of."""
    processes.start("follow", exposure_bus("follow"))
    processes.start("publish", exposure_bus("publish"))
    processes.wait_until(_heard, "a heartbeat from the relay in the follower's cache", within=_READY)
    tap = exposure_bus("tap", "--from", "first", "--format", "json")
    processes.start("tap", tap, output=here.tapped)  # the stream keeps what comes before it listens
    qlf = Path(__file__).with_name("qlf.py")
    processes.start("qlf", [sys.executable, str(qlf), str(here.diary), str(here.fetched)])
    diary = Journal(here.diary)
    processes.wait_until(lambda: bool(diary.entries()), "the first word of the QLF process", within=_READY)


def _heard() -> bool:
    """Tell whether the whole way is open: a heartbeat of the relay has come through the bus into the cache."""
    try:
        return ICSInterface.status()["heard_at"] is not None
    except ICSInterface.CacheUnavailable:
        return False  # the follower has not made it yet
