"""Which scheme of a location is read by what."""

from contextlib import AbstractContextManager

from exposure_subscriber.fetch.local_source import LocalSource
from exposure_subscriber.fetch.location import FILE, Location
from exposure_subscriber.fetch.remote import RSYNC, SSH
from exposure_subscriber.fetch.source import Source


def open_source(location: Location) -> AbstractContextManager[Source]:
    """Open the folder of an exposure.

    Raises:
        LocationRefused: It leads out of its root.
        SourceUnreachable: The folder is not there or cannot be read, or what reads its scheme is not installed.
    """
    if location.scheme == FILE:
        return LocalSource(location)
    if location.scheme in (RSYNC, SSH):
        from exposure_subscriber.fetch.rsync import RsyncSource  # noqa: PLC0415 (most sites need one of these)

        return RsyncSource(location)
    from exposure_subscriber.fetch.url import UrlSource  # noqa: PLC0415 (likewise)

    return UrlSource(location)
