"""A campaign: faults in a random rhythm, several at once, and now and then a calm in which everything must agree."""

import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from tests.torture.comparing import State, differing, in_the_cache, in_the_exposure_db
from tests.torture.events import Events
from tests.torture.faults import BROKER, Fault, NotDone, faults_of
from tests.torture.site import Site
from tests.torture.watching import Probes, Watch
from tests.torture.writer import Writer

from exposure_bus.errors import DatabaseError
from exposure_subscriber.cache.freshness import read_freshness
from private_servers import ServerError

AT_ONCE: Final = 3
"""Faults at a time."""

GAP: Final = 0.5
"""Seconds between two tries to begin another fault, on average; many a target is suffering already."""

EXPECTED: Final = 2.5
"""Seconds that a fault takes of a campaign, about: so the changes last as long as the faults."""

REST: Final = 4.0
"""Seconds that a broker has to live between two faults of its own."""

TRIES: Final = 10
"""Times that an end of a fault is tried: on a machine that others use too, a server's command may take a minute."""

BETWEEN_CALMS: Final = 25
"""Faults from one calm to the next."""

DEADLINE: Final = 180.0
"""Seconds in which everything has to agree once all faults have ended."""

_QUESTIONS: Final = (
    ("list_queues", "name", "state", "leader", "online", "messages_ready", "messages_unacknowledged", "consumers"),
    ("list_consumers", "queue_name", "channel_pid", "active", "activity_status"),
    ("list_connections", "pid", "name", "client_properties", "state"),
)
"""What is asked of each node when a calm fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done."""

    seed: int
    """Of all that is drawn."""
    faults: int
    """How many at least: they go on until the changes are made."""
    changes: int
    """Rows that are changed meanwhile, at least."""
    seconds: float | None = None
    """The most that the faults may take; what is left then is left out."""


@dataclass(slots=True)
class Verdict:
    """What a campaign has shown."""

    faults: int = 0
    """Faults that were done and have ended."""
    changes: int = 0
    calms: int = 0
    exposures: int = 0
    lost: list[str] = field(default_factory=list)
    """What did not agree after the deadline."""
    older: list[str] = field(default_factory=list)
    """What was older over newer."""
    healed: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from the end of a fault until everything had come through, by kind."""
    calm_after: list[float] = field(default_factory=list)
    """Seconds from the end of all faults until everything agreed."""


class Campaign:
    """Tortures a site.

    Args:
        site: What is tortured.
        events: Where it is written down.
        plan: What is done to it.
    """

    def __init__(self, site: Site, events: Events, plan: Plan) -> None:
        self._site = site
        self._events = events
        self._random = random.Random(plan.seed)
        self._wanted = plan.faults
        self._seconds = float("inf") if plan.seconds is None else plan.seconds
        self._faults = faults_of(site)
        expected = min(self._seconds, plan.faults * EXPECTED)
        self.writer = Writer(site.exposure_db_url, plan.changes, plan.changes / expected, self._random.randrange(2**32))
        self.probes = Probes(site.exposure_db_url, site.caches, events)
        self._watches = [Watch(name, cache, events) for name, cache in site.caches().items()]
        self._numbers = itertools.count(1)
        self._next_calm = BETWEEN_CALMS
        self._busy: dict[str, Future[bool]] = {}
        self._stopping = threading.Event()
        self.verdict = Verdict()

    def run(self, progress: Callable[[Verdict, int], object]) -> Verdict:
        """Do it all; ``progress`` is called often, with what there is and how many rows were changed."""
        with ThreadPoolExecutor(AT_ONCE + 1) as beside:
            for thread in (self.writer, self.probes, *self._watches):
                thread.start()
            try:
                self._go(beside, lambda: progress(self.verdict, self.writer.changes))
            finally:
                self._stopping.set()
        return self.verdict

    def _go(self, beside: ThreadPoolExecutor, progress: Callable[[], object]) -> None:
        began = time.monotonic()
        while not self.verdict.lost and self._is_more_wanted and time.monotonic() - began < self._seconds:
            self._wait(self._random.expovariate(1 / GAP), progress)
            self._start_one(beside)
            if self.verdict.faults >= self._next_calm:
                self._calm(progress)
                self._next_calm = self.verdict.faults + BETWEEN_CALMS
        if not self.verdict.lost:
            self._calm(progress)
            self.writer.end()
            self._calm(progress)
        self.writer.end()
        self.verdict.lost += [self.writer.crashed] if self.writer.crashed else []
        for watch in self._watches:
            watch.end()
            self.verdict.older += watch.found
        self.probes.end()
        self.verdict.changes = self.writer.changes
        self.verdict.healed = self.probes.healed

    @property
    def _is_more_wanted(self) -> bool:
        return self.verdict.faults < self._wanted or self.writer.is_alive()

    def _start_one(self, beside: ThreadPoolExecutor) -> None:
        self._forget_what_has_ended()
        free = [fault for fault in self._faults if fault.target not in self._busy]
        fault, lasting = self._random.choice(self._faults), self._random.random()
        if len(self._busy) >= AT_ONCE or fault not in free:
            return
        self._busy[fault.target] = beside.submit(self._suffer, next(self._numbers), fault, lasting)

    def _suffer(self, number: int, fault: Fault, lasting: float) -> bool:
        """Do a fault and end it; False if it could not be done."""
        self._events.record("begin", fault=number, kind=fault.kind, target=fault.target)
        try:
            fault.begin()
        except NotDone as error:
            self._events.record("not done", fault=number, kind=fault.kind, why=str(error))
            return False
        except ServerError as error:  # its command took too long, and may have done it all the same: it is to be ended
            self._events.record("slow", fault=number, kind=fault.kind, why=str(error)[-500:])
        self._stopping.wait(fault.least + lasting * (fault.most - fault.least))
        self._end(fault)
        self._events.record("end", fault=number, kind=fault.kind, target=fault.target)
        self.probes.add(number, fault.kind)
        if fault.target == BROKER:
            self._stopping.wait(REST)
        return True

    def _end(self, fault: Fault) -> None:
        """End a fault; a server that does not come at once is tried again."""
        for _ in range(TRIES):
            try:
                fault.end()
            except ServerError as error:
                self._events.record("tried again", kind=fault.kind, why=str(error)[-500:])
            else:
                return
        fault.end()

    def _forget_what_has_ended(self) -> None:
        for target, future in list(self._busy.items()):
            if future.done():
                del self._busy[target]
                self.verdict.faults += future.result()

    def _calm(self, progress: Callable[[], object]) -> None:
        """Let all faults end, and wait until every follower agrees with the exposureDB."""
        while self._busy:
            self._wait(0.1, progress)
            self._forget_what_has_ended()
        self.writer.pause()
        began = time.monotonic()
        truth, wrong = {}, ["nobody has looked yet"]
        while wrong and time.monotonic() - began < DEADLINE:
            self._wait(0.2, progress)
            truth = in_the_exposure_db(self._site.exposure_db_url)
            wrong = self._what_is_wrong(truth)
        took = time.monotonic() - began
        self.verdict.calms += 1
        self.verdict.exposures = len(truth)
        self.verdict.calm_after.append(took)
        self.verdict.lost += wrong
        self._events.record("calm", after=round(took, 3), exposures=len(truth), wrong=wrong[:20])
        if wrong:
            self._look_into_it()
        self.writer.go_on()

    def _look_into_it(self) -> None:
        """Write down what may tell why: where each daemon is, and what stands in each queue."""
        for part in self._site.parts:
            part.tell()
        for node in self._site.nodes:
            for question in _QUESTIONS:
                try:
                    answer = node.ctl(*question)
                except ServerError as error:
                    answer = str(error)
                self._events.record(question[0], node=node.node, answer=answer.splitlines())

    def _what_is_wrong(self, truth: State) -> list[str]:
        wrong = [f"{self.probes.pending} probes have not come through"] if self.probes.pending else []
        wrong += [f"{part.name} has ended by itself" for part in self._site.parts if not part.daemon.running]
        for name, cache in self._site.caches().items():
            try:
                freshness = read_freshness(cache)
                wrong += [f"{name}: {each}" for each in differing(truth, in_the_cache(cache))]
                wrong += [] if freshness.complete else [f"{name}: {freshness.text}"]
            except DatabaseError as error:
                wrong.append(f"{name}: {error}")
            cache.close()
        return wrong

    def _wait(self, seconds: float, progress: Callable[[], object]) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            progress()
            time.sleep(min(left, 0.2))
