"""Digests by which two sides find out whether they hold the same states without sending them."""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from exposure_schemas.exposure import Exposure, Finite
from exposure_schemas.patterns import whole_text

Digest = Annotated[str, whole_text("[0-9a-f]{32}")]
"""128 bits in lower-case hexadecimal."""

_BYTES: Final = 16
_MODULUS: Final = 1 << (8 * _BYTES)
_ENCODER: Final = msgspec.msgpack.Encoder()
_FLOATS: Final = tuple(
    place for place, field in enumerate(msgspec.structs.fields(Exposure)) if field.type == Finite | None
)


def digest_of(exposure: Exposure) -> int:
    """Return the digest of an exposure's state: all its fields, its number and its files among them.

    It is the first half of the SHA-256 of the state as msgpack, each field in its order, with 0.0 for -0.0: SQLite
    keeps no sign of a zero.
    """
    values = [getattr(exposure, name) for name in Exposure.__struct_fields__]
    for place in _FLOATS:
        if values[place] is not None:
            values[place] = float(values[place]) + 0.0
    return int.from_bytes(hashlib.sha256(_ENCODER.encode(values)).digest()[:_BYTES], "big")


def sum_of(digests: Iterable[int]) -> int:
    """Return the digest of many states, in whatever order they come."""
    return sum(digests) % _MODULUS


def as_digest(number: int) -> str:
    """Write a digest as messages have it."""
    return f"{number:0{2 * _BYTES}x}"
