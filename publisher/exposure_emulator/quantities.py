"""What a person writes on the command line: a size in bytes, a speed."""

import math
import re
from typing import Final

import click

LARGEST: Final = 20 * 10**9
"""Bytes of an exposure; Rubin's have 8 GB."""

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE: Final = r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]i?)?b?"


def size_in_bytes(text: str) -> int:
    """Return a number of bytes: ``300000``, ``300kB``, ``2MB``, ``1.4 GB``, ``700MiB``.

    Raises:
        click.BadParameter: It is no size, or beyond `LARGEST`.
    """
    match = re.fullmatch(_SIZE, text.strip().lower())
    size = round(float(match[1]) * _UNITS[match[2] or ""]) if match else 0
    if not 0 < size <= LARGEST:
        raise click.BadParameter(f"{text!r} is no size up to 20GB; write 300kB, 2MB or 1.4GB")
    return size


def speed_factor(text: str) -> float:
    """Return how many times faster than the real night, ``math.inf`` for ``max``.

    Raises:
        click.BadParameter: It is no factor above 0.
    """
    try:
        speed = math.inf if text.strip().lower() == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise click.BadParameter(f"{text!r} is no speed; write a factor above 0, or max")
    return speed
