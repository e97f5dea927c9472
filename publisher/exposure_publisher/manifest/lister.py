"""Threads that list files, so that a slow or hung file server never holds up whoever asks."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from exposure_publisher.manifest.hashing import Reader
from exposure_publisher.manifest.job import Job, Listing, Step

log = logging.getLogger(__name__)

THREADS: Final = 2
"""Threads that read and hash; more are no faster."""

PATIENCE: Final = 2.0
"""Seconds without an answer from the file server after which another thread takes over what else there is to do."""

MOST_THREADS: Final = 32
"""Threads at most, those that hang included."""


@dataclass(order=True, slots=True)
class _Task:
    rank: int
    turn: int
    job: Job = field(compare=False)
    step: Step = field(compare=False)


class Lister:
    """Lists the files of exposures, the newest change first, each exposure's files in parallel.

    Args:
        done: Called in any thread, once for each job that nobody has forgotten, with its result.
    """

    def __init__(self, done: Callable[[Job, Listing], None]) -> None:
        self._done = done
        self._tasks: list[_Task] = []
        self._turns = itertools.count()
        self._workers: list[_Worker] = []
        self._changed = threading.Condition()
        self._closed = False

    def submit(self, job: Job) -> None:
        """List an exposure's files soon."""
        with self._changed:
            self._add(job, [job.look])
        self.relieve()

    def relieve(self) -> None:
        """Start a thread for each that hangs; to be called now and then while there is work."""
        with self._changed:
            for worker in self._workers:
                worker.relieve_if_stuck()
            able = sum(not worker.relieved for worker in self._workers)
            for _ in range(min(THREADS - able, MOST_THREADS - len(self._workers)) if self._tasks else 0):
                self._workers.append(_Worker(self))

    def close(self) -> None:
        """Call nobody any more; threads end by themselves, or hang until the process ends."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, job: Job, steps: list[Step]) -> None:
        for step in steps:
            heapq.heappush(self._tasks, _Task(-job.order, next(self._turns), job, step))
        self._changed.notify(len(steps))

    def next_task(self, worker: "_Worker") -> _Task | None:
        """Wait for something to do; None if the thread is to end."""
        with self._changed:
            while not self._closed and not worker.relieved:
                if not self._tasks:
                    self._changed.wait()
                elif (task := heapq.heappop(self._tasks)).job.hanging:
                    task.job.put_aside.append(task.step)
                else:
                    worker.begin(task.job)
                    return task
            self._workers.remove(worker)
            return None

    def settle(self, worker: "_Worker", job: Job, steps: list[Step]) -> None:
        """Note that a step was taken, and which are left by it."""
        with self._changed:
            job.steps_left += len(steps) - 1
            self._add(job, steps)
            if worker.relieved:
                job.hanging -= 1
                self._add(job, job.put_aside)
                job.put_aside = []
            worker.job = None
            if job.steps_left:
                return
        listing = job.result()
        with self._changed:
            if not self._closed and not job.forgotten:
                self._done(job, listing)

    def wanted(self, job: Job) -> bool:
        """Return whether anybody still waits for a job."""
        return not self._closed and not job.forgotten


class _Worker:
    """A thread, and what it is at.

    Args:
        lister: Whom it works for.
    """

    def __init__(self, lister: Lister) -> None:
        self.relieved = False
        """Whether another thread has taken its place."""
        self.job: Job | None = None
        """Whose step it is taking."""
        self._lister = lister
        self._answered = 0.0
        self._reader = Reader(self._alive)
        # A thread that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="lists files", daemon=True).start()

    def begin(self, job: Job) -> None:
        """Note whose step it takes next."""
        self.job, self._answered, job.begun = job, monotonic(), True

    def relieve_if_stuck(self) -> None:
        """Give the place to another thread, if the file server has not answered this one for long."""
        if self.job is None or self.relieved or monotonic() - self._answered < PATIENCE:
            return
        self.relieved = True
        self.job.hanging += 1
        log.warning("exposure %s: %s does not answer; others are listed meanwhile", self.job.expid, self.job.location)

    def _run(self) -> None:
        while (task := self._lister.next_task(self)) is not None:
            self._lister.settle(self, task.job, self._take(task))

    def _take(self, task: _Task) -> list[Step]:
        if not self._lister.wanted(task.job):
            return []
        try:
            return task.step(self._reader)
        except Exception:
            # One exposure must not keep all others from their manifests, nor itself from those who wait for it.
            log.exception("exposure %s: it is announced without a manifest", task.job.expid)
            task.job.fail()
            return []

    def _alive(self) -> bool:
        self._answered = monotonic()
        return self.job is not None and self._lister.wanted(self.job)
