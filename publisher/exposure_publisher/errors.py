"""What the ICS side raises beside the errors of the bus.

UsageError
└── InvalidExposure     a value that an exposure cannot have; names expid, column and value
BusError
├── AnotherRelay        another relay leads for this exposureDB
└── FileChanged         a file changed between being listed and being hashed
"""

from exposure_bus.errors import BusError, UsageError


class InvalidExposure(UsageError):
    """A value that an exposure cannot have; the text names expid, column and value."""


class AnotherRelay(BusError):
    """Another relay leads for this exposureDB."""


class FileChanged(BusError):
    """A file is no longer the one that was listed, or changed while it was hashed."""
