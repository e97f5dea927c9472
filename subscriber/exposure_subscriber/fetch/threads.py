"""The files of an exposure, several at a time; the first that fails ends the rest."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
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
        progress: Ended when one fails or the user interrupts; no thread is left when this returns or raises.
    """
    with ThreadPoolExecutor(jobs, thread_name_prefix="fetch") as pool:
        try:
            futures = [pool.submit(work, item) for item in items]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            _raise_first_failure(futures, done)
            return [future.result() for future in futures]
        except BaseException:
            progress.end()
            pool.shutdown(cancel_futures=True)
            raise


def _raise_first_failure(futures: list[Future[Result]], done: set[Future[Result]]) -> None:
    for future in futures:
        if future in done:
            future.result()
