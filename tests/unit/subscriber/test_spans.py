"""Coverage: spans against a plain set of numbers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exposure_subscriber.cache import Spans

MOST = 40

spans = st.tuples(st.integers(1, MOST), st.integers(1, MOST)).map(lambda pair: (min(pair), max(pair)))


def numbers(given_spans: list[tuple[int, int]]) -> set[int]:
    return {number for first, last in given_spans for number in range(first, last + 1)}


@given(st.lists(spans))
def test_spans_hold_the_numbers_that_were_added_in_whatever_order(added: list[tuple[int, int]]) -> None:
    covered = Spans(added)
    assert {number for number in range(MOST + 2) if number in covered} == numbers(added)
    assert numbers(list(covered)) == numbers(added)


@given(st.lists(spans))
def test_runs_ascend_and_never_touch(added: list[tuple[int, int]]) -> None:
    runs = list(Spans(added))
    assert all(first <= last for first, last in runs)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(runs))


@given(st.lists(spans))
def test_spans_are_complete_up_to_the_last_number_before_the_first_hole(added: list[tuple[int, int]]) -> None:
    up_to = Spans(added).complete_up_to
    assert set(range(1, up_to + 1)) <= numbers(added)
    assert up_to + 1 not in numbers(added)


@given(st.lists(spans), st.integers(0, MOST + 5))
def test_what_is_missing_is_what_was_not_added(added: list[tuple[int, int]], newest: int) -> None:
    holes = Spans(added).missing(newest)
    assert numbers(holes) == set(range(1, newest + 1)) - numbers(added)
    assert holes == list(Spans(holes)), "holes ascend and never touch"


@given(st.lists(spans))
def test_a_copy_of_the_runs_holds_the_same(added: list[tuple[int, int]]) -> None:
    covered = Spans(added)
    assert list(Spans(covered)) == list(covered)


def test_nothing_is_covered_at_first() -> None:
    assert list(Spans()) == []
    assert Spans().complete_up_to == 0
    assert Spans().missing(3) == [(1, 3)]
    assert Spans().missing(0) == []


def test_numbers_beyond_64_bits_are_no_trouble() -> None:
    covered = Spans([(1, 10**30)])
    assert covered.complete_up_to == 10**30
    assert covered.missing(10**30 + 2) == [(10**30 + 1, 10**30 + 2)]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9))), st.lists(st.integers(0, 50)))
def test_numbers_that_are_taken_out_are_missing_and_no_others(runs: list[tuple[int, int]], taken: list[int]) -> None:
    spans = Spans((first, first + more) for first, more in runs)
    left = spans.without(taken)
    assert {n for n in range(60) if n in left} == {n for n in range(60) if n in spans} - set(taken)
    assert Spans(left).missing(60) == left.missing(60)
