"""How delays spread: by the nearest rank, from one stage to another, of those whose both ends are known."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exposure_subscriber.latency import COLUMNS, Passage, rows_of

WHOLE = {"numbered": 2_000, "published": 3_000, "confirmed": 7_000, "fetched": 90_000}


def passage(delay: int = 0, **moments: Any) -> Passage:
    """One whose way from its publication on took so many microseconds longer."""
    known = {"written": 0, "published": 3_000, "received": 5_000 + delay, "cached": 6_000 + delay}
    return Passage(expid=1, sequence=1, **known | moments)


def rows(*passages: Passage) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["from"], row["to"]): row for row in rows_of(passages)}


def test_one_exposure_is_told_of_from_stage_to_stage_and_over_the_whole_way() -> None:
    found = rows(passage(**WHOLE))
    assert {stage: (row["n"], row["p50_ms"], row["max_ms"]) for stage, row in found.items()} == {
        ("written", "numbered"): (1, 2.0, 2.0),
        ("numbered", "published"): (1, 1.0, 1.0),
        ("published", "confirmed"): (1, 4.0, 4.0),
        ("published", "received"): (1, 2.0, 2.0),
        ("received", "cached"): (1, 1.0, 1.0),
        ("cached", "fetched"): (1, 84.0, 84.0),
        ("written", "cached"): (1, 6.0, 6.0),
        ("written", "fetched"): (1, 90.0, 90.0),
    }


def test_each_row_has_the_columns_of_the_listing() -> None:
    assert {tuple(row) for row in rows_of([passage()])} == {COLUMNS}


def test_a_moment_that_is_not_known_is_left_out_of_the_stages_that_it_ends_or_begins() -> None:
    found = rows(passage(**WHOLE), passage())
    assert {stage: row["n"] for stage, row in found.items()} == {
        ("written", "numbered"): 1,
        ("numbered", "published"): 1,
        ("published", "confirmed"): 1,
        ("published", "received"): 2,
        ("received", "cached"): 2,
        ("cached", "fetched"): 1,
        ("written", "cached"): 2,
        ("written", "fetched"): 1,
    }


def test_of_nothing_there_are_no_percentiles() -> None:
    assert {(row["n"], row["p50_ms"], row["p99_ms"], row["max_ms"]) for row in rows_of([])} == {(0, None, None, None)}


def test_of_a_hundred_the_percentiles_are_the_ranks() -> None:
    found = rows(*(passage(delay=1000 * number - 2000) for number in range(1, 101)))[("published", "received")]
    assert [found[column] for column in COLUMNS] == ["published", "received", 100, 50.0, 95.0, 99.0, 100.0]


def test_a_clock_that_is_behind_makes_a_delay_negative_and_nobody_hides_it() -> None:
    assert rows(passage(delay=-10_000))[("published", "received")]["p50_ms"] == -8.0


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=300))
def test_each_percentile_is_a_delay_that_occurred_and_as_many_as_it_says_were_no_longer(delays: list[int]) -> None:
    row = rows(*(passage(delay=delay - 2000) for delay in delays))[("published", "received")]
    for column, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("max_ms", 1)):
        micros = round(row[column] * 1000)
        assert micros in delays
        assert sum(delay <= micros for delay in delays) >= share * len(delays)
        assert sum(delay < micros for delay in delays) < share * len(delays)
