r"""The checksum file that lies with an exposure, as ``sha256sum`` writes it and ``sha256sum --check`` reads it.

A line is a SHA-256, a space, a space (text) or ``*`` (binary) and a name; a line that begins with a backslash has a
backslash, a newline or a carriage return in its name written as ``\\``, ``\n`` or ``\r``. Source: GNU coreutils,
"cksum common options" and "md5sum invocation" in its manual.
"""

import os
import re
from typing import Final

from exposure_schemas import file_class_of
from exposure_subscriber.errors import FetchError
from exposure_subscriber.fetch.source import Source

LARGEST: Final = 2**20
"""Bytes of the largest checksum file that is read: ten thousand lines, where an exposure has about thirteen."""

_LINE: Final = re.compile(rb"[ \t]*(?P<escaped>\\?)(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<name>.+)", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPED: Final = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def read_checksums(source: Source, names: list[str], expid: int) -> dict[str, str]:
    """Return what the exposure's own checksum files say; empty if there is none.

    Args:
        source: The folder of the exposure.
        names: What lies there.
        expid: The exposure, whose number the checksum file carries.

    Returns:
        SHA-256 in lower-case hexadecimal by file name.

    Raises:
        FetchError: A checksum file is too large, or has no line that is one.
        SourceUnreachable: It cannot be read.
    """
    checksums: dict[str, str] = {}
    for name in sorted(name for name in names if file_class_of(name, expid) == "checksum"):
        text = _read(source, name)
        found = parse_checksums(text)
        if text and not found:
            raise FetchError(f"{source.where}/{name} has no line with a checksum: it is damaged, tell ICS")
        checksums |= found
    return checksums


def parse_checksums(text: bytes) -> dict[str, str]:
    """Return SHA-256 by file name; lines that are none are passed over, as ``sha256sum --check`` does."""
    pairs = (_parse_line(line.removesuffix(b"\r")) for line in text.split(b"\n"))
    return dict(pair for pair in pairs if pair is not None)


def _parse_line(line: bytes) -> tuple[str, str] | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name = _unescaped(found["name"]) if found["escaped"] else found["name"]
    if name is None:
        return None
    return os.fsdecode(name).removeprefix("./"), found["sha256"].decode().lower()


def _unescaped(name: bytes) -> bytes | None:
    if any(found[1] not in _ESCAPED for found in _ESCAPE.finditer(name)):
        return None
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], name)


def _read(source: Source, name: str) -> bytes:
    buffer = memoryview(bytearray(LARGEST + 1))
    size = 0
    with source.open(name) as opened:
        while count := opened.read_into(buffer[size:], size):
            size += count
    if size > LARGEST:
        raise FetchError(f"{source.where}/{name} is larger than {LARGEST} bytes, which no checksum file is")
    return bytes(buffer[:size])
