"""The files of an exposure, several at a time; the first that fails ends the rest."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from exposure_subscriber.fetch.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], *, jobs: int, progress: Progress) -> list[Result]:
    """Do some work for each item, and return the results in the order of the items.

    Args:
        work: What is done; it must pass by ``progress`` often, since there it is ended.
        items: What it is done for; begun in this order.
        jobs: How many at a time.
        progress: Ended when one fails or the user interrupts.

    Raises:
        BaseException: The first failure, when no thread is left.
    """

    def guarded(item: Item) -> Result:
        try:
            progress.advance(0)  # what has not begun when one fails need not begin
            return work(item)
        except BaseException as error:
            progress.end(error)
            raise

    with ThreadPoolExecutor(jobs, thread_name_prefix="fetch") as pool:
        try:
            futures = [pool.submit(guarded, item) for item in items]
            wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException as error:
            progress.end(error)
            raise
    if progress.failure is not None:
        raise progress.failure
    return [future.result() for future in futures]
