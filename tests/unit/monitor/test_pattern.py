"""Routing patterns mean here what they mean at the broker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.errors import UsageError
from exposure_monitor.pattern import Pattern

PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=6).map(".".join)
KEYS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=6).map(".".join)


def matches(pattern: list[str], words: list[str]) -> bool:
    """Match as the specification of AMQP 0-9-1 puts it (3.1.3.3), without a thought for speed."""
    if not pattern:
        return not words
    first, *rest = pattern
    if first == "#":
        return any(matches(rest, words[taken:]) for taken in range(len(words) + 1))
    return bool(words) and first in {"*", words[0]} and matches(rest, words[1:])


@given(PATTERNS, KEYS)
def test_a_pattern_matches_what_the_specification_says(pattern: str, key: str) -> None:
    assert Pattern(pattern).matches(key) == matches(pattern.split("."), key.split(".") if key else [])


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("exposure.#", "exposure.written.science.dark", True),
        ("exposure.#", "exposure", True),
        ("exposure.#", "heartbeat", False),
        ("exposure.written.science.#", "exposure.written.science.dark", True),
        ("exposure.written.science.#", "exposure.pending.science.dark", False),
        ("exposure.*.zero.*", "exposure.pending.zero.none", True),
        ("exposure.*", "exposure.written.science.dark", False),
        ("#.dark", "exposure.written.science.dark", True),
        ("#", "", True),
        ("*", "", False),
    ],
)
def test_patterns_that_people_write_select_what_they_mean(pattern: str, key: str, expected: bool) -> None:
    assert Pattern(pattern).matches(key) is expected


def test_many_wildcards_cost_no_more_than_their_number() -> None:
    assert not Pattern(".".join(["#.a"] * 60)).matches(".".join("a" * 59))


@pytest.mark.parametrize(
    "wrong",
    ["", ".", "exposure.", "exposure..dark", "exposure.written.*x", "exposure.##", "Exposure.#", "a b", "ü", "\n"],
)
def test_a_pattern_that_can_match_nothing_is_refused_with_the_word_that_is_wrong(wrong: str) -> None:
    with pytest.raises(UsageError, match=r"as in exposure\.written\.science\.#") as refused:
        Pattern(wrong)
    assert repr(wrong) in str(refused.value)


def test_a_pattern_longer_than_a_routing_key_may_be_is_refused() -> None:
    assert Pattern("a" * 255).matches("a" * 255)
    with pytest.raises(UsageError, match="longer than the 255 bytes"):
        Pattern("a" * 256)
