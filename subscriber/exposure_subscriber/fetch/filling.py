"""Filling a temporary file from a source, and hashing what stands in it: in one pass, if nobody else writes there."""

from exposure_subscriber.fetch.hashing import Content, follow, read_through
from exposure_subscriber.fetch.progress import Tally
from exposure_subscriber.fetch.source import SourceFile
from exposure_subscriber.fetch.temporary import Temporary


def fill(temporary: Temporary, opened: SourceFile, tally: Tally, expected: int) -> Content:
    """Fill a temporary file, going on with what it holds.

    Args:
        temporary: The file.
        opened: Where the bytes come from.
        tally: Counts them.
        expected: How many there should be.

    Returns:
        Size and hash of all that stands in it, be it from now or from before.
    """
    filled_by_another = opened.fill(temporary)
    if filled_by_another is not None:
        if opened.fills_at_once:
            return read_through(filled_by_another, tally.add, expected)
        # It may write again behind what was read: what stands there when it has ended is what counts.
        follow(filled_by_another, tally.add, expected)
        return read_through(temporary.read_into, lambda _block: temporary.go_on(), expected)
    appending = _Appending(temporary, opened, tally)
    return read_through(appending.read, appending.use, expected)


class _Appending:
    """Reads what a temporary file holds, then what it lacks, and writes that."""

    def __init__(self, temporary: Temporary, opened: SourceFile, tally: Tally) -> None:
        self._temporary = temporary
        self._opened = opened
        self._tally = tally
        self._used = 0

    def read(self, block: memoryview, offset: int) -> int:
        held = self._temporary.held
        if offset < held:
            return self._temporary.read_into(block[: held - offset], offset)
        return self._opened.read_into(block, offset)

    def use(self, block: memoryview) -> None:
        if self._used >= self._temporary.held:
            self._temporary.write(block)
        self._used += len(block)
        self._tally.add(block)
