"""What ICSInterface raises.

    ICSError (BusError)
    ├── RangeError (ValueError)          a range that says nothing, or two things at once
    ├── InvalidArgument (ValueError)     a name, a timeout or a folder that is none
    ├── UnknownFileClass (ValueError)    a file class that does not exist
    ├── InvalidAlarm (ValueError)        no message, or a level that ICS does not know
    ├── NoSuchExposure (LookupError)     the cache holds no exposure of this number
    ├── NotWritten                       its data is not all on disk yet
    ├── NameInUse                        another process iterates new_exposures under this name
    ├── CacheUnavailable                 the cache cannot be opened
    └── FetchError
        ├── FileClassMissing             the exposure has no file of this class
        ├── LocationRefused              a location or a name that leads where it must not
        ├── SourceUnreachable            the location cannot be read from this host
        ├── Mismatch                     what came is not what the manifest says
        ├── FileDiffers                  another file stands at the destination, and is not to be overwritten
        └── NoSpace                      the disk is too full

and warns with `StaleCacheWarning` where an answer may lack something.
"""

from exposure_bus.errors import BusError


class ICSError(BusError):
    """Anything that ICSInterface raises on purpose."""


class RangeError(ICSError, ValueError):
    """No range, two ranges, a reversed range or a wrong type; the text says what was given."""

    exit_code = 2


class InvalidArgument(ICSError, ValueError):
    """A name, a timeout or a folder that is none; the text says what was given."""

    exit_code = 2


class UnknownFileClass(ICSError, ValueError):
    """A file class that does not exist; the text names those that do."""

    exit_code = 2


class InvalidAlarm(ICSError, ValueError):
    """An alarm without a message, or with a level that ICS does not know."""

    exit_code = 2


class NoSuchExposure(ICSError, LookupError):
    """The cache holds no exposure of this number."""

    exit_code = 3


class NotWritten(ICSError):
    """The data of the exposure is not all on disk yet."""

    exit_code = 3


class NameInUse(ICSError):
    """Another process iterates `new_exposures` under this name now."""


class CacheUnavailable(ICSError):
    """The cache cannot be opened or read."""


class FetchError(ICSError):
    """The files could not be brought; nothing half-copied stands under a final name."""


class FileClassMissing(FetchError):
    """The exposure has no file of a class that was asked for."""

    exit_code = 3


class LocationRefused(FetchError):
    """A location or a file name that leads where it must not."""


class SourceUnreachable(FetchError):
    """The data location cannot be read from this host."""


class Mismatch(FetchError):
    """What was read is not what the manifest says; the text names file, expected and found."""


class FileDiffers(FetchError):
    """What stands at the destination under a file's name is not that file, and overwriting was not allowed."""


class NoSpace(FetchError):
    """There is not enough room at the destination; the text says how much is needed."""


class StaleCacheWarning(UserWarning):
    """The answer comes from a cache that may be behind; the text says since when."""
