"""`new_exposures`: each written exposure once for a name, at once, across restarts, crashes and processes."""

import itertools
import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.caching import NIGHT, Cached
from tests.raw_sql import execute
from tests.waiting import wait_until

import ICSInterface
from exposure_schemas import SUMMARY_KEYS

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def cached(cache_url: str) -> Iterator[Cached]:
    with Cached(cache_url) as made:
        yield made


@pytest.fixture
def ics(cache_url: str) -> ICSInterface.ICSInterface:
    return ICSInterface.ICSInterface(cache_url=cache_url)


def write(cached: Cached, *expids: int, **values: Any) -> None:
    for expid in expids:
        cached.expose(expid, data_written=True, **values)


def new(ics: ICSInterface.ICSInterface, name: str = "default") -> list[int]:
    """Whatever is new now."""
    return [exposure["expid"] for exposure in ics.new_exposures(name, timeout=0)]


def test_each_written_exposure_comes_once_in_the_order_of_its_writing(
    cached: Cached, ics: ICSInterface.ICSInterface
) -> None:
    write(cached, 30, 10)
    cached.expose(20)
    assert new(ics) == [30, 10]
    assert new(ics) == []
    write(cached, 20, 40)
    write(cached, 10, seeing=1.1)
    assert new(ics) == [20, 40], "one that is written again is not new again"


def test_it_comes_as_a_summary(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    write(cached, 1, program="dark")
    (exposure,) = ics.new_exposures(timeout=0)
    assert tuple(exposure) == SUMMARY_KEYS
    assert (exposure["expid"], exposure["night"], exposure["program"], exposure["data_written"]) == (
        1,
        NIGHT,
        "dark",
        True,
    )


def test_a_name_is_remembered_over_restarts_and_a_new_one_begins_with_the_oldest(
    cached: Cached, cache_url: str
) -> None:
    write(cached, 1, 2)
    assert new(ICSInterface.ICSInterface(cache_url=cache_url), "night watch") == [1, 2]
    write(cached, 3)
    assert new(ICSInterface.ICSInterface(cache_url=cache_url), "night watch") == [3]
    assert new(ICSInterface.ICSInterface(cache_url=cache_url), "other") == [1, 2, 3]


@pytest.mark.parametrize("name", ["a", "a/../b", "..", "ünïcödé ☄", "☄" * 60, "%s ?", "'; DROP TABLE position"])
def test_any_short_text_is_a_name(name: str, cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    write(cached, 1)
    assert new(ics, name) == [1]
    assert new(ics, name) == []


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb", "a\0", "\ud800", None, 7, b"a"])
def test_anything_else_is_no_name(name: Any, tmp_path: Path) -> None:
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/cache.sqlite")
    with pytest.raises(ICSInterface.InvalidArgument, match=r"name=.*: a name is a text of 1 to 60 printable"):
        next(ics.new_exposures(name))


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "5", True, [1]])
def test_a_timeout_is_a_number_of_seconds_or_none(timeout: Any, tmp_path: Path) -> None:
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/cache.sqlite")
    with pytest.raises(ICSInterface.InvalidArgument, match=r"timeout=.*: give seconds from 0 to 1e\+06, or None"):
        next(ics.new_exposures("a", timeout))


def test_names_that_look_alike_are_two(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    write(cached, 1)
    first, second = (ics.new_exposures(name, timeout=0) for name in ("a b", "a_b"))
    assert next(first)["expid"] == next(second)["expid"] == 1


def test_an_exposure_that_is_retracted_before_its_turn_is_passed_over(
    cached: Cached, ics: ICSInterface.ICSInterface
) -> None:
    write(cached, 1, 2, 3)
    coming = ics.new_exposures(timeout=0)
    assert next(coming)["expid"] == 1
    cached.retract(2)
    cached.retract(3)
    write(cached, 4, 3)
    assert [exposure["expid"] for exposure in coming] == [4, 3], "what has come back stands behind"


def test_an_exposure_that_follows_on_a_retraction_of_the_newest_is_not_missed(
    cached: Cached, ics: ICSInterface.ICSInterface
) -> None:
    write(cached, 1)
    coming = ics.new_exposures(timeout=0)
    assert next(coming)["expid"] == 1
    cached.retract(1)
    write(cached, 2)
    assert [exposure["expid"] for exposure in coming] == [2]


def test_more_than_a_page_comes_whole(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    cached.expose_many(range(1, 1202), data_written=True)
    assert new(ics) == list(range(1, 1202))


def test_the_time_runs_out_without_a_new_one(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    write(cached, 1)
    assert [exposure["expid"] for exposure in ics.new_exposures(timeout=0.05)] == [1]


# Waiting.


class Waiter(threading.Thread):
    """Takes a number of new exposures, waiting for them without a timeout."""

    def __init__(self, ics: ICSInterface.ICSInterface, count: int) -> None:
        super().__init__(daemon=True)
        self._ics = ics
        self._count = count
        self.got: list[int] = []

    def run(self) -> None:
        for exposure in itertools.islice(self._ics.new_exposures(), self._count):
            self.got.append(exposure["expid"])


def test_who_waits_is_woken_by_each_new_one(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    """Without a timeout nothing but a wake-up ends the waiting."""
    waiter = Waiter(ics, 5)
    waiter.start()
    for expid in range(1, 6):
        write(cached, expid)
        wait_until(lambda: waiter.got[-1:] == [expid], f"exposure {expid}")  # noqa: B023 (waited for at once)
        cached.beat()
    waiter.join(30)
    assert waiter.got == [1, 2, 3, 4, 5]


def test_who_waits_passes_over_what_is_not_written(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    waiter = Waiter(ics, 1)
    waiter.start()
    for _ in range(3):
        cached.expose(1)
        cached.beat()
    write(cached, 2)
    waiter.join(30)
    assert waiter.got == [2]


# Crashes.


def test_an_exposure_counts_as_done_when_the_next_one_is_asked_for(
    cached: Cached, ics: ICSInterface.ICSInterface
) -> None:
    write(cached, 1, 2, 3)
    taken = [exposure["expid"] for exposure in itertools.islice(ics.new_exposures(timeout=0), 2)]
    assert taken == [1, 2]
    assert new(ics) == [2, 3]


def _die_at(cache_url: str, expid: int) -> None:
    for exposure in ICSInterface.ICSInterface(cache_url=cache_url).new_exposures(timeout=0):
        if exposure["expid"] == expid:
            os._exit(9)


def test_a_process_that_dies_in_its_work_gets_the_exposure_again(
    cached: Cached, cache_url: str, ics: ICSInterface.ICSInterface
) -> None:
    write(cached, 1, 2, 3)
    worker = FORK.Process(target=_die_at, args=(cache_url, 2))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 9
    assert wait_until(lambda: taken(ics, "default"), "the name being free") == [2, 3]


def taken(ics: ICSInterface.ICSInterface, name: str) -> list[int]:
    """Whatever is new; empty while the server has not noticed yet that the process which held the name is dead."""
    try:
        return new(ics, name)
    except ICSInterface.NameInUse:
        return []


# One at a time.


def _hold(cache_url: str, name: str, holding: Any) -> None:
    for _ in ICSInterface.ICSInterface(cache_url=cache_url).new_exposures(name):
        holding.set()


def test_a_name_is_taken_by_one_process_until_it_ends(
    cached: Cached, cache_url: str, ics: ICSInterface.ICSInterface
) -> None:
    write(cached, 1)
    holding = FORK.Event()
    holder = FORK.Process(target=_hold, args=(cache_url, "taken", holding))
    holder.start()
    assert holding.wait(60)
    with pytest.raises(ICSInterface.NameInUse, match="another process takes new exposures under the name 'taken'"):
        next(ics.new_exposures("taken"))
    assert new(ics, "free") == [1]
    holder.kill()
    holder.join(60)
    write(cached, 2)
    assert wait_until(lambda: taken(ics, "taken"), "the name being free")[-1] == 2


def test_a_name_is_free_again_when_the_iteration_ends(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    write(cached, 1, 2)
    iteration = ics.new_exposures(timeout=0)
    next(iteration)
    with pytest.raises(ICSInterface.NameInUse):
        next(ics.new_exposures(timeout=0))
    iteration.close()  # type: ignore[attr-defined] # an iterator by its type, a generator by its nature
    assert new(ics) == [1, 2]


def test_a_cache_that_goes_away_is_said_to_who_waits(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    write(cached, 1)
    waiting = ics.new_exposures(timeout=30)
    next(waiting)
    execute(cached.url, "DROP TABLE position")
    with pytest.raises(ICSInterface.CacheUnavailable, match="position"):
        next(waiting)
