"""Routing patterns, matched as AMQP's topic exchanges do: ``*`` is one word, ``#`` none or more."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from exposure_bus.errors import UsageError

MOST_BYTES: Final = 255
"""Length of a routing key in AMQP 0-9-1, section 4.2.5.3 (short strings)."""

_WORD: Final = re.compile(r"[a-z0-9_-]+|\*|#")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern such as ``exposure.written.science.#``.

    Args:
        text: Words separated by dots, each made of ``a-z 0-9 _ -``, or ``*``, or ``#``.

    Raises:
        UsageError: A word is empty or has another character, or the pattern is too long.
    """

    text: str

    def __post_init__(self) -> None:
        if len(self.text.encode(errors="replace")) > MOST_BYTES:
            raise UsageError(f"the pattern {self.text[:40]!r}… is longer than the {MOST_BYTES} bytes of a routing key")
        for word in self.text.split("."):
            if not _WORD.fullmatch(word):
                raise UsageError(
                    f"the pattern {self.text!r} has the word {word!r}: a word is made of a-z 0-9 _ -, or is * (any one "
                    "word) or # (any words), as in exposure.written.science.#"
                )

    def matches(self, routing_key: str) -> bool:
        """Tell whether a topic exchange would route a message of this key to a queue bound with the pattern."""
        wanted = self.text.split(".")
        reached = _over_hashes({0}, wanted)
        for word in routing_key.split(".") if routing_key else []:
            reached = _over_hashes(_after(word, reached, wanted), wanted)
        return len(wanted) in reached


def _after(word: str, reached: Iterable[int], wanted: list[str]) -> set[int]:
    """Return how far into the pattern one more word leads from each place that was reached."""
    inside = [place for place in reached if place < len(wanted)]
    return {place if wanted[place] == "#" else place + 1 for place in inside if wanted[place] in {"#", "*", word}}


def _over_hashes(reached: set[int], wanted: list[str]) -> set[int]:
    """Add the places behind each ``#``, since it may stand for no word."""
    for place, word in enumerate(wanted):
        if word == "#" and place in reached:
            reached.add(place + 1)
    return reached
