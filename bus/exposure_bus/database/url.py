"""What a database URL says."""

from pathlib import Path
from typing import Final

SQLITE: Final = "sqlite:///"


def sqlite_path(url: str) -> Path | None:
    """Return the file that a ``sqlite:///path`` URL names (``sqlite:////abs`` for an absolute one), else None.

    Links are followed: locks and the ``-wal`` lie beside the file itself, under whatever name it is opened.
    """
    return Path(url.removeprefix(SQLITE)).expanduser().resolve() if url.startswith(SQLITE) else None
