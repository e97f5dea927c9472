"""What can go wrong on the way, each with the exit code that a command gives for it.

BusError                     1: failed
├── UsageError               2: used wrongly
│   └── SettingsError        2: a setting is wrong; names it and where it came from
├── NotThere                 3: no such thing (yet)
├── Incomplete               4: holes, or a stale cache
├── BrokerError              1
│   ├── BrokerUnreachable    passing: tried again
│   └── BrokerRefused        lasting: credentials, rights, or other arguments than ours
└── DatabaseError            1
    ├── DatabaseUnreachable  passing: tried again
    └── DatabaseRefused      lasting: no such table, no rights, not a database
"""

from typing import ClassVar


class BusError(Exception):
    """Anything that this software raises on purpose; its text is one line for a person."""

    exit_code: ClassVar[int] = 1


class UsageError(BusError):
    """It was asked for something that cannot be done; the text says what was given."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is wrong; the text names it, its value and its source."""


class NotThere(BusError):
    """What was asked for is not there, or not yet."""

    exit_code = 3


class Incomplete(BusError):
    """The answer may lack something: holes, or a stale cache."""

    exit_code = 4


class BrokerError(BusError):
    """Something about RabbitMQ."""


class BrokerUnreachable(BrokerError):
    """The broker does not answer; it is worth trying again."""


class BrokerRefused(BrokerError):
    """The broker answers no; trying again without a change is of no use."""


class DatabaseError(BusError):
    """Something about the exposureDB or the cache."""


class DatabaseUnreachable(DatabaseError):
    """The database does not answer or is busy; it is worth trying again."""


class DatabaseRefused(DatabaseError):
    """The database answers no; trying again without a change is of no use."""
