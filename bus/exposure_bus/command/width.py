"""How wide a help page is: as click finds it, without `shutil`, which imports every way of compressing for it."""

import os
import sys
from typing import Final

_USUAL: Final = 80
_NARROWEST: Final = 50
_RIM: Final = 2


def help_width(widest: int) -> int:
    """Return in how many columns help is written.

    Args:
        widest: The most columns, however wide the terminal is.
    """
    return max(min(_columns(), widest) - _RIM, _NARROWEST)


def _columns() -> int:
    try:
        said = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        said = 0
    return said if said > 0 else _of_terminal() or _USUAL


def _of_terminal() -> int:
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 0
    except (ValueError, OSError):  # closed, or no terminal
        return 0
