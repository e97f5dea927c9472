"""Caches of other versions: what a follower of an older or a newer software has left."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.raw_sql import execute

from exposure_subscriber.cache.schema import VERSION

# A column is gone, one has another name, one has another meaning, and one is new.
_OTHER_COLUMNS: Final = (
    "ALTER TABLE exposure DROP COLUMN files",
    "ALTER TABLE exposure RENAME COLUMN program TO programme",
    "UPDATE exposure SET night = 0, seeing = -1",
    "ALTER TABLE exposure ADD COLUMN moon TEXT",
    "ALTER TABLE follower DROP COLUMN behind",
    "ALTER TABLE alarm ADD COLUMN colour TEXT",
    "DROP TABLE stage",
)


def before_versions(url: str) -> None:
    """Make a cache one of those in which no version was kept."""
    execute(url, *_OTHER_COLUMNS, "DROP TABLE carried", "ALTER TABLE follower DROP COLUMN version")


def older(url: str) -> None:
    """Make a cache one of the version before this one."""
    execute(url, *_OTHER_COLUMNS, f"UPDATE follower SET version = {VERSION - 1}")


def newer(url: str) -> None:
    """Make a cache one of the next version."""
    execute(url, *_OTHER_COLUMNS, f"UPDATE follower SET version = {VERSION + 1}")


VERSIONS: Final[Mapping[str, Callable[[str], None]]] = {
    "before versions": before_versions,
    "older": older,
    "newer": newer,
}
