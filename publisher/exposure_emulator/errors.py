"""What can go wrong while a night is played.

BusError
└── EmulatorError       the files cannot be written; names the file and what the system says
UsageError
└── NoSuchNight         no table of this name, and no installed night of this date
"""

from exposure_bus.errors import BusError, UsageError


class EmulatorError(BusError):
    """A file of an exposure cannot be written."""


class NoSuchNight(UsageError):
    """There is no such table or night; the text says where nights come from."""
