"""What can be wrong with a table of exposures.

UsageError
└── UnreadableTable     the file is no table of exposures at all
BusError
└── BadRows             it is one, but some of its rows cannot be used
"""

from exposure_bus.errors import BusError, UsageError


class UnreadableTable(UsageError):
    """The file is no table of exposures; the text names it and says what it is instead."""


class BadRows(BusError):
    """Some rows of a table cannot be used, so none is; the text says how many, or which one."""
