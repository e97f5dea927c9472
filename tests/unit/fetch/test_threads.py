"""Several files at a time: results in order, and one failure for all."""

import threading
from collections.abc import Iterator

import pytest

from exposure_subscriber.fetch.progress import Progress
from exposure_subscriber.fetch.threads import Turn, in_threads, in_turns


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


def test_one_that_only_waits_lets_the_next_begin() -> None:
    second_has_begun = threading.Event()

    def work(item: int, turn: Turn) -> int:
        if item == 1:
            turn.end()
            assert second_has_begun.wait(20)
        else:
            second_has_begun.set()
        return item

    assert in_turns(work, [1, 2], jobs=1, progress=Progress(None)) == [1, 2]


def test_no_more_work_at_a_time_than_was_said_and_in_its_order() -> None:
    counting = threading.Lock()
    begun: list[int] = []
    working, most = 0, 0

    def work(item: int, turn: Turn) -> None:
        nonlocal working, most
        with counting:
            begun.append(item)
            working += 1
            most = max(most, working)
        for _ in range(1000):
            pass
        with counting:
            working -= 1
        turn.end()
        turn.end()  # a second time it gives nothing away

    in_turns(work, range(200), jobs=1, progress=Progress(None))
    assert (begun, most) == (list(range(200)), 1)


def test_an_interruption_between_two_items_ends_the_one_that_works() -> None:
    progress = Progress(None)
    has_begun = threading.Event()

    def items() -> Iterator[str]:
        yield "works for ever"
        assert has_begun.wait(20)
        raise KeyboardInterrupt

    def work(_item: str) -> None:
        has_begun.set()
        while True:
            progress.advance(1)

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, items(), jobs=2, progress=progress)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]
