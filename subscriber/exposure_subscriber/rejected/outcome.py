"""What became of one message that was to be sent again or dropped."""

from dataclasses import dataclass

from exposure_bus.errors import BusError, NotThere


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line for a person, and the exit code that it deserves."""

    id: str
    text: str
    exit_code: int = 0

    @classmethod
    def failed(cls, letter_id: str, text: str) -> "Outcome":
        """Return that it lies where it lay."""
        return cls(letter_id, text, BusError.exit_code)

    @classmethod
    def missing(cls, letter_id: str) -> "Outcome":
        """Return that there is none of this id."""
        return cls(letter_id, MISSING, NotThere.exit_code)


MISSING = "no such message is set aside; `exposure-bus rejected list` shows those that are"
