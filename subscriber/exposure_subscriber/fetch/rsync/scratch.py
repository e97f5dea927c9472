"""A file among this host's temporary ones, for what is only looked at."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from exposure_subscriber.fetch.writable import writable


@dataclass(slots=True)
class Scratch:
    """A target that nobody keeps."""

    path: Path
    """Where it stands."""
    descriptor: int
    """It, open for reading and writing."""
    held: int = 0
    """Bytes that it holds already."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""
        return os.preadv(self.descriptor, [buffer], offset)

    def go_on(self) -> None:
        """Do nothing: what is only looked at is small."""


@contextmanager
def scratch_file() -> Iterator[Scratch]:
    """Make one, and remove it with the context.

    Raises:
        NoSpace: The disk is full.
        FetchError: It cannot be made.
    """
    with ExitStack() as stack:
        with writable(Path(tempfile.gettempdir())):
            file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="exposure-bus-"))
        yield Scratch(Path(file.name), file.fileno())
