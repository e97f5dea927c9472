"""How far a fetch is, and how its threads learn that it must end."""

import threading
from collections.abc import Callable

from exposure_subscriber.fetch.file_path import FetchedFile


class Abandoned(Exception):
    """Another file failed, or the user interrupted; never leaves this package."""


class Progress:
    """Passes on how many bytes are done; every block goes by here, so here a fetch is ended.

    Args:
        report: Called with an increment of bytes, from the thread that did them; None if nobody watches.
        done: Called with each file that is done, likewise.
    """

    def __init__(self, report: Callable[[int], None] | None, done: Callable[[FetchedFile], None] | None = None) -> None:
        self._report = report
        self._done = done
        self._failure: BaseException | None = None
        self._ending = threading.Lock()

    @property
    def failure(self) -> BaseException | None:
        """Why the fetch has been ended; None if it has not."""
        return self._failure

    def end(self, failure: BaseException) -> None:
        """Let every thread give up at its next block; the first failure is the one that counts."""
        with self._ending:
            self._failure = self._failure or failure

    def advance(self, count: int) -> None:
        """Count bytes.

        Raises:
            Abandoned: The fetch has been ended.
        """
        if self._failure is not None:
            raise Abandoned
        if self._report is not None and count:
            self._report(count)

    def finished(self, file: FetchedFile) -> FetchedFile:
        """Tell of a file that is done, and return it."""
        if self._done is not None:
            self._done(file)
        return file


class Tally:
    """Counts the bytes of one file, and can take them back when it is begun again.

    Args:
        progress: What they count towards.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bytes = 0

    def add(self, block: memoryview) -> None:
        """Count a block."""
        self._bytes += len(block)
        self._progress.advance(len(block))

    def take_back(self) -> None:
        """Uncount all of them."""
        count, self._bytes = self._bytes, 0
        self._progress.advance(-count)
