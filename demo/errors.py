"""What can go wrong in the demo, each with the exit code that it gives for it.

DemoError            1: the demo could not be played; its text is for a person
├── NotSetUp         1: something is missing that ``make setup`` brings
├── Unreachable      1: the broker that the environment names does not answer
├── ProcessEnded     1: one of its processes ended early; shows the end of its log
├── TookTooLong      1: something that the demo waits for did not come; shows the ends of the logs
└── Misused          2: it was asked for something that cannot be done; says what was given
"""

from typing import ClassVar


class DemoError(Exception):
    """The demo could not be played."""

    exit_code: ClassVar[int] = 1


class NotSetUp(DemoError):
    """Something is missing that ``make setup`` brings."""


class Unreachable(DemoError):
    """The broker that the environment names does not answer, or not to us."""


class ProcessEnded(DemoError):
    """One of the demo's processes ended before it was asked to."""


class TookTooLong(DemoError):
    """What the demo waits for did not come."""


class Misused(DemoError):
    """The demo was asked for something that cannot be done."""

    exit_code = 2
