"""Coverage: which sequence numbers are accounted for, as spans."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from exposure_schemas import Span


class Spans:
    """A set of whole numbers from 1, kept as runs.

    Args:
        spans: First and last of each run, both included.
    """

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in spans:
            self.add(first, last)

    def __iter__(self) -> Iterator[Span]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def add(self, first: int, last: int) -> None:
        """Add the numbers from first to last, both included."""
        left = bisect_left(self._lasts, first - 1)
        right = bisect_right(self._firsts, last + 1)
        if left < right:
            first = min(first, self._firsts[left])
            last = max(last, self._lasts[right - 1])
        self._firsts[left:right] = [first]
        self._lasts[left:right] = [last]

    def without(self, numbers: Iterable[int]) -> "Spans":
        """Return the same set less some numbers."""
        left = Spans(self)
        for number in sorted(set(numbers)):
            left._remove(number)
        return left

    def _remove(self, number: int) -> None:
        place = bisect_right(self._firsts, number) - 1
        if place < 0 or number > self._lasts[place]:
            return
        first, last = self._firsts[place], self._lasts[place]
        rest = [(low, high) for low, high in ((first, number - 1), (number + 1, last)) if low <= high]
        self._firsts[place : place + 1] = [low for low, _ in rest]
        self._lasts[place : place + 1] = [high for _, high in rest]

    @property
    def complete_up_to(self) -> int:
        """The last number before the first hole; 0 if 1 is missing."""
        return self._lasts[0] if self._firsts and self._firsts[0] == 1 else 0

    @property
    def last(self) -> int:
        """The highest number; 0 if there is none."""
        return self._lasts[-1] if self._lasts else 0

    def missing(self, newest: int) -> list[Span]:
        """Return the holes up to a number, ascending."""
        holes = []
        expected = 1
        for first, last in zip(self._firsts, self._lasts, strict=True):
            if first > newest:
                break
            if first > expected:
                holes.append((expected, first - 1))
            expected = last + 1
        if expected <= newest:
            holes.append((expected, newest))
        return holes
