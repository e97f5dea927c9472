"""The files of an exposure, several at a time; the first that fails ends the rest.

A file takes the processor while it is read, copied and hashed, and the disk alone while it is flushed. So a turn ends
before the flush, and the next file is begun meanwhile.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Final, Self, TypeVar

from exposure_subscriber.fetch.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS_A_TURN: Final = 2
"""As many files can wait for the disk as are read; were it more, a slow disk would only find more of them in memory."""


class Turn:
    """One of the few at a time; a context manager, which ends it if the work has not.

    Args:
        turns: How many there are.
    """

    def __init__(self, turns: threading.Semaphore) -> None:
        self._turns = turns
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let the next begin, since this one will only wait for the disk."""
        if not self._ended:
            self._ended = True
            self._turns.release()


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], *, jobs: int, progress: Progress) -> list[Result]:
    """Do some work for each item, and return the results in the order of the items; as `in_turns`."""
    return in_turns(lambda item, _turn: work(item), items, jobs=jobs, progress=progress)


def in_turns(
    work: Callable[[Item, Turn], Result], items: Iterable[Item], *, jobs: int, progress: Progress
) -> list[Result]:
    """Do some work for each item, and return the results in the order of the items.

    Args:
        work: What is done; it must pass by ``progress`` often, since there it is ended, and ends its turn when nothing
            is left for it but to wait.
        items: What it is done for; begun in this order.
        jobs: How many at a time, but for those that wait.
        progress: Ended when one fails or the user interrupts.

    Raises:
        BaseException: The first failure, when no thread is left.
    """
    turns = threading.Semaphore(jobs)

    def guarded(item: Item, turn: Turn) -> Result:
        try:
            with turn:
                progress.advance(0)  # what has not begun when one fails need not begin
                return work(item, turn)
        except BaseException as error:
            progress.end(error)
            raise

    with ThreadPoolExecutor(THREADS_A_TURN * jobs, thread_name_prefix="fetch") as pool:
        futures: list[Future[Result]] = []
        try:
            for item in items:
                turns.acquire()
                futures.append(pool.submit(guarded, item, Turn(turns)))
            wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException as error:
            progress.end(error)
            raise
    if progress.failure is not None:
        raise progress.failure
    return [future.result() for future in futures]
