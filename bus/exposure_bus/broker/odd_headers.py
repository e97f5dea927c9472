"""Headers on which pika stumbles: it loses its connection over a time beyond the year 9999 or tables nested too deep.

A message that has one would hide itself and all that lie behind it. What pika cannot read is kept as it came, and
written back as it came; a floating-point number, which pika cuts to a whole one, stays one.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from pika import data

DEEPEST: Final = 32
"""Levels of tables and lists that are read; ours have one."""

_FLOATS: Final = {b"f": ">f", b"d": ">d"}


class OddTime(int):
    """Seconds since 1970 that are no date in Python."""


class DeepTable(bytes):
    """A table or list nested too deep, as it came, its type in front."""


@contextmanager
def odd_headers() -> Iterator[None]:
    """Have pika read and write every header, for the length of a block."""
    read, write = data.decode_value, data.encode_value
    data.decode_value, data.encode_value = _Reader(read), _writer(write)
    try:
        yield
    finally:
        data.decode_value, data.encode_value = read, write


def holds_odd(value: Any) -> bool:
    """Whether a header, or what is in it, can be read in a block of `odd_headers` alone."""
    if isinstance(value, dict):
        return any(map(holds_odd, value.values()))
    if isinstance(value, list):
        return any(map(holds_odd, value))
    return isinstance(value, OddTime | DeepTable)


class _Reader:
    """Stands in for `pika.data.decode_value`, which calls it again for what is nested."""

    def __init__(self, read: Callable[[bytes, int], tuple[Any, int]]) -> None:
        self._read = read
        self._depth = 0

    def __call__(self, encoded: bytes, offset: int) -> tuple[Any, int]:
        kind = encoded[offset : offset + 1]
        if kind == b"T":
            return _time(struct.unpack_from(">Q", encoded, offset + 1)[0]), offset + 9
        if kind in _FLOATS:
            form = _FLOATS[kind]
            return struct.unpack_from(form, encoded, offset + 1)[0], offset + 1 + struct.calcsize(form)
        return self._nested(encoded, offset) if kind in {b"F", b"A"} else self._read(encoded, offset)

    def _nested(self, encoded: bytes, offset: int) -> tuple[Any, int]:
        if self._depth == DEEPEST:
            end = offset + 5 + struct.unpack_from(">I", encoded, offset + 1)[0]
            return DeepTable(encoded[offset:end]), end
        self._depth += 1
        try:
            return self._read(encoded, offset)
        finally:
            self._depth -= 1


def _time(seconds: int) -> datetime | OddTime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return OddTime(seconds)


def _writer(write: Callable[[list[bytes], Any], int]) -> Callable[[list[bytes], Any], int]:
    def encode_value(pieces: list[bytes], value: Any) -> int:
        if isinstance(value, OddTime):
            piece = struct.pack(">cQ", b"T", value)
        elif isinstance(value, DeepTable):
            piece = bytes(value)
        elif isinstance(value, float):
            piece = struct.pack(">cd", b"d", value)
        else:
            return write(pieces, value)
        pieces.append(piece)
        return len(piece)

    return encode_value
