"""What can be wrong with what is said on the bus.

SchemaError (ValueError)
├── InvalidValue    a value that no message may carry
└── DecodeError     a body that is no message of ours; ``reason`` is one of the words below
"""

from typing import Literal

Reason = Literal[
    "too-large", "unknown-type", "unknown-version", "unknown-encoding", "unreadable", "too-deep", "invalid"
]
"""Why a body was set aside: the word that is counted and listed."""


class SchemaError(ValueError):
    """Something that the schemas do not allow."""


class InvalidValue(SchemaError):
    """A value that no message may carry; the message says which, and what would do."""


class DecodeError(SchemaError):
    """A body that cannot be read as one of our messages.

    Args:
        reason: The word it is counted under.
        detail: What was found, for a person.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
