"""Pages of a statement's values: SQLite takes a thousand at least."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

PAGE: Final = 400
"""Values of one statement; some take each twice."""

Value = TypeVar("Value")


def pages(values: Iterable[Value]) -> Iterator[tuple[Value, ...]]:
    """Yield values in pages of `PAGE`."""
    rest = iter(values)
    while page := tuple(islice(rest, PAGE)):
        yield page
