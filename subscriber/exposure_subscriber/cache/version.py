"""Which version a cache is of: nobody reads or writes one of another version.

A version is looked at with each statement, since a follower of another version may rebuild the cache at any time.
"""

from typing import Final

from exposure_bus.errors import DatabaseRefused
from exposure_subscriber.cache.schema import VERSION

BEFORE_VERSIONS: Final = 0
"""The version of caches in which none is kept."""

QUERY: Final = "SELECT version FROM follower WHERE id = 1"


class OtherVersion(DatabaseRefused):
    """The cache is of another version than this software's."""


def require_ours(cache: str, version: int) -> None:
    """See that a cache is of this software's version.

    Args:
        cache: What the cache is called.
        version: Its version.

    Raises:
        OtherVersion: It is not.
    """
    if version == VERSION:
        return
    if version < VERSION:
        advice = "start `exposure-bus follow` of this software, which rebuilds it"
    else:
        advice = "upgrade this software"
    raise OtherVersion(f"the cache {cache} is of version {version}, and this software knows {VERSION}: {advice}")
