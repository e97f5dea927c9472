"""Texts of a fixed form: the same rule for the decoder, in Python, and for JSON Schemas, in any language."""

import re
from typing import Final

from msgspec import Meta

_END: Final = r"(?![\s\S])"
"""The end of a text; Python's ``$`` lets a line feed pass before it."""


def whole_text(pattern: str, *, but_not: tuple[str, ...] = (), longest: int | None = None) -> Meta:
    """Return the constraint that a text matches as a whole.

    Args:
        pattern: What it matches, without look-around, which some languages lack.
        but_not: Words that match and are not allowed.
        longest: The most characters; None if the pattern says so itself.
    """
    allowed = "".join(f"(?!{re.escape(word)}{_END})" for word in but_not)
    also_said = {"not": {"enum": [*but_not]}} if but_not else None
    return Meta(pattern=f"^{allowed}{pattern}{_END}", max_length=longest, extra_json_schema=also_said)


def portable(pattern: str) -> str:
    """Return the pattern of `whole_text` without look-ahead; what that excludes, a schema says by ``not``."""
    return re.sub(r"\(\?![^()]*\)", "", pattern.replace(_END, "$"))
