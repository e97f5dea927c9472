"""Where everything of one demo lies: a folder of its own, removed at the end unless it is to be kept."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import Misused


class Places:
    """The folder of one demo, as the ICS host, the broker and the QLF host would have it each on its own.

    Args:
        root: The folder; it is there already.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        """All of it."""
        self.config = root / "exposure-bus.toml"
        """The settings that all processes share."""
        self.home = root / "home"
        """Home of the processes, so that they neither read nor write the user's."""
        self.logs = root / "logs"
        """A log for each process."""
        self.broker = root / "broker"
        """The private RabbitMQ node."""
        self.postgresql = root / "postgresql"
        """The private PostgreSQL cluster."""
        self.exposure_db = root / "ics" / "exposuredb.sqlite"
        """The exposureDB, if it is SQLite."""
        self.raw = root / "ics" / "raw"
        """Where the emulated ICS writes its files."""
        self.tapped = root / "bus" / "tap.jsonl"
        """What was seen on the bus."""
        self.cache = root / "qlf" / "cache.sqlite"
        """The follower's cache, if it is SQLite."""
        self.diary = root / "qlf" / "diary.jsonl"
        """What the QLF process did, and when."""
        self.fetched = root / "qlf" / "files"
        """The files that the QLF process fetched, a folder an exposure."""

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.home, self.logs, self.raw, self.tapped.parent, self.fetched):
            folder.mkdir(parents=True)

    def log_of(self, process: str) -> Path:
        """Return the log of a process."""
        return self.logs / f"{process}.log"


@contextmanager
def places(keep: str | None) -> Iterator[Places]:
    """Give the demo its folder.

    Args:
        keep: The folder to leave behind, new or empty; None: a temporary one that is removed at the end.

    Raises:
        Misused: The folder to keep has something in it, or cannot be made.
    """
    root = Path(tempfile.mkdtemp(prefix="exposure-bus-demo-")) if keep is None else _kept(Path(keep).absolute())
    try:
        here = Places(root)
        here.make()
        yield here
    finally:
        if keep is None:
            shutil.rmtree(root)


def _kept(root: Path) -> Path:
    try:
        root.mkdir(parents=True, exist_ok=True)
        there = next(root.iterdir(), None)
    except OSError as error:
        raise Misused(f"KEEP is {root}: {error.strerror}; name a folder that is new or empty") from error
    if there is not None:
        raise Misused(f"KEEP is {root}, which holds {there.name} already: name a folder that is new or empty")
    return root
