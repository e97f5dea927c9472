"""What the patterns of names share."""

from typing import Final

END: Final = r"(?![\s\S])"
"""The end of a text, to Python and to JSON Schema's dialect alike: Python's ``$`` lets a line feed pass before it."""
