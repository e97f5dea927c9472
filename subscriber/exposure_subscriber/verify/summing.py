"""All verdicts in one line for a person."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from exposure_subscriber.verify.verdict import State, Verdict


def sums(verdicts: Iterable[Verdict], *, size: int, exposures: int) -> str:
    """Return a line such as ``612 files verified, 1 missing, 0 differ, 0 extra (25.3 MB in 94 exposures)``.

    Args:
        verdicts: All of them.
        size: Bytes that were read.
        exposures: How many exposures were looked at.
    """
    counts = Counter(verdict.state for verdict in verdicts)
    differ = "differs" if counts[State.DIFFERS] == 1 else "differ"
    words = {State.MISSING: "missing", State.DIFFERS: differ, State.EXTRA: "extra"}
    told = [_verified(counts), *(f"{counts[state]} {word}" for state, word in words.items())]
    told += [f"{counts[state]} {word}" for state, word in _OF_FILES.items() if counts[state]]
    told += [f"{_plural(counts[state], 'exposure')} {word}" for state, word in _OF_EXPOSURES.items() if counts[state]]
    return f"{', '.join(told)} ({_decimal(size)} in {_plural(exposures, 'exposure')})"


_OF_FILES: Final = {State.UNREADABLE: "unreadable", State.QUARANTINED: "quarantined"}
_OF_EXPOSURES: Final = {State.NO_MANIFEST: "without manifest", State.UNKNOWN: "unknown"}


def _verified(counts: Counter[State]) -> str:
    by_size = f" and {counts[State.SIZE_AGREES]} by size alone" if counts[State.SIZE_AGREES] else ""
    return f"{_plural(counts[State.VERIFIED], 'file')} verified{by_size}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _decimal(size: int) -> str:
    """Return bytes as a person reads them, in powers of a thousand."""
    for unit, power in (("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return _plural(size, "byte")
