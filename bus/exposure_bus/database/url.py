"""What a database URL says."""

from pathlib import Path
from typing import Final

SQLITE: Final = "sqlite:///"


def sqlite_path(url: str) -> Path | None:
    """Return the file that a ``sqlite:///path`` URL names (``sqlite:////abs`` for an absolute one), else None."""
    return Path(url.removeprefix(SQLITE)).expanduser().absolute() if url.startswith(SQLITE) else None
