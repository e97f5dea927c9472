"""What a person writes on the command line: a size in bytes, a speed."""

import math
import re
from typing import Any, Final

import click

LARGEST: Final = 20 * 10**9
"""Bytes of an exposure; Rubin's have 8 GB."""

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", re.IGNORECASE)


class Size(click.ParamType):
    """A number of bytes: ``300000``, ``300kB``, ``2MB``, ``1.4 GB``, ``700MiB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(value.strip())
        size = round(float(match[1]) * _UNITS[(match[2] or "").lower()]) if match else 0
        if not 0 < size <= LARGEST:
            self.fail(f"{value!r} is no size up to 20 GB; write 300kB, 2MB or 1.4GB", param, ctx)
        return size


class Speed(click.ParamType):
    """How many times faster than the real night; ``max`` for no waiting."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the factor, ``math.inf`` for ``max``."""
        if isinstance(value, float):
            return value
        try:
            speed = math.inf if value.strip().lower() == "max" else float(value)
        except ValueError:
            speed = math.nan
        if not speed > 0:
            self.fail(f"{value!r} is no speed; write a factor above 0, or max", param, ctx)
        return speed
