"""Several files at a time: results in order, and one failure for all."""

import threading

import pytest

from exposure_subscriber.fetch.progress import Progress
from exposure_subscriber.fetch.threads import in_threads


def test_results_come_in_the_order_of_the_items() -> None:
    last_is_done = threading.Event()

    def double(item: int) -> int:
        if item == 2:
            last_is_done.set()
        assert last_is_done.wait(20)
        return 2 * item

    assert in_threads(double, [1, 2], jobs=2, progress=Progress(None)) == [2, 4]


def test_no_items_are_no_work() -> None:
    assert in_threads(len, [""][:0], jobs=2, progress=Progress(None)) == []


def test_the_failure_told_is_the_first_and_not_that_of_one_that_gave_up() -> None:
    both = threading.Barrier(2, timeout=20)
    progress = Progress(None)

    def work(item: str) -> None:
        both.wait()
        if item == "fails":
            raise LookupError(item)
        while True:
            progress.advance(1)

    with pytest.raises(LookupError, match="fails"):
        in_threads(work, ["gives up", "fails"], jobs=2, progress=progress)


def test_what_has_not_begun_when_one_fails_never_begins() -> None:
    begun: list[int] = []
    progress = Progress(None)

    def work(item: int) -> None:
        begun.append(item)
        raise LookupError(item)

    with pytest.raises(LookupError, match="0"):
        in_threads(work, range(1000), jobs=1, progress=progress)
    assert begun == [0]
