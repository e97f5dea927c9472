"""Which scheme of a location is read by what."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Final

from exposure_subscriber.errors import LocationRefused
from exposure_subscriber.fetch.local_source import LocalSource
from exposure_subscriber.fetch.location import FILE, Location
from exposure_subscriber.fetch.source import Source

READERS: Final[Mapping[str, Callable[[Location], AbstractContextManager[Source]]]] = MappingProxyType(
    {FILE: LocalSource}
)


def open_source(location: Location) -> AbstractContextManager[Source]:
    """Open the folder of an exposure.

    Raises:
        LocationRefused: Its scheme is not read, or it leads out of its root.
        SourceUnreachable: The folder is not there or cannot be read.
    """
    reader = READERS.get(location.scheme)
    if reader is None:
        schemes = ", ".join(f"{scheme}://" for scheme in READERS)
        raise LocationRefused(
            f"location {location.text!r} cannot be read: {location.scheme}:// is not among {schemes} and absolute paths"
        )
    return reader(location)
