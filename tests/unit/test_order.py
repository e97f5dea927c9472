"""The order in which tests are handed out."""

from hypothesis import given
from hypothesis import strategies as st
from tests.order import in_order


def _long(test: str) -> str | None:
    return test.partition(":")[0] if ":" in test else None


def test_long_tests_stand_where_the_workers_shares_begin() -> None:
    tests = ["a", "b", "torture:1", "c", "cluster:1", "cluster:2", "d", "e", "f"]
    assert in_order(tests, 3, _long) == ["torture:1", "a", "b", "cluster:1", "cluster:2", "c", "d", "e", "f"]


def test_alone_a_worker_does_the_long_ones_first() -> None:
    assert in_order(["a", "b", "torture:1", "c"], 1, _long) == ["torture:1", "a", "b", "c"]


@given(
    st.lists(st.one_of(st.text("abc", min_size=1), st.sampled_from(["x:1", "x:2", "y:1", "z:1"]))), st.integers(1, 5)
)
def test_no_test_is_lost_or_run_twice(tests: list[str], workers: int) -> None:
    assert sorted(in_order(tests, workers, _long)) == sorted(tests)
