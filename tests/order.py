"""The order of the tests: those that take minutes begin at once, each on a worker of its own, and all others fill up.

pytest-xdist gives each worker one run of consecutive tests, and later what others have not begun. So the long ones are
put where these runs begin.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final, TypeVar

Test = TypeVar("Test")

MARKER: Final = "begun_first"
"""``@pytest.mark.begun_first("name")``: tests of one name stay together, in their order."""


def in_order(tests: Sequence[Test], workers: int, begun_first: Callable[[Test], str | None]) -> list[Test]:
    """Return tests in the order in which they are to be handed out.

    Args:
        tests: As they were collected.
        workers: How many processes share them.
        begun_first: The name under which a test begins first, None for all others.
    """
    groups: dict[str, list[Test]] = {}
    others: list[Test] = []
    for test in tests:
        name = begun_first(test)
        (others if name is None else groups.setdefault(name, [])).append(test)
    ordered: list[Test] = []
    for worker, size in enumerate(_shares(len(tests), workers)):
        long = list(chain.from_iterable(list(groups.values())[worker::workers]))
        filled = max(0, size - len(long)) if worker < workers - 1 else len(others)
        ordered += [*long, *others[:filled]]
        del others[:filled]
    return ordered


def _shares(count: int, workers: int) -> list[int]:
    """Return how many consecutive tests each worker is given, as xdist's work stealing begins."""
    shares = []
    for left in range(workers, 0, -1):
        shares.append(count // left)
        count -= count // left
    return shares
