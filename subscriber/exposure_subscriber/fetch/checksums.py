"""The checksum file that lies with an exposure, read from its source."""

import os
from collections.abc import Collection
from typing import Final

from exposure_schemas import Exposure
from exposure_schemas.checksum_file import checksum_names, read_checksums
from exposure_subscriber.errors import FetchError
from exposure_subscriber.fetch.source import Source

LARGEST: Final = 2**20
"""Bytes of the largest checksum file that is read: ten thousand lines, where an exposure has about thirteen."""


def checksums_of(source: Source, names: Collection[str], exposure: Exposure) -> dict[str, str]:
    """Return what the exposure's own checksum file says; empty if there is none.

    Args:
        source: The folder of the exposure.
        names: What lies there.
        exposure: The exposure, whose number and night the name of the checksum file carries.

    Returns:
        SHA-256 in lower-case hexadecimal by file name.

    Raises:
        FetchError: The file is too large, or has no line with a checksum.
        LocationRefused: It is a symbolic link.
        SourceUnreachable: It cannot be read.
    """
    for name in checksum_names(exposure.expid, exposure.night):
        if name in names:
            return _checksums_in(source, name)
    return {}


def _checksums_in(source: Source, name: str) -> dict[str, str]:
    content = _read(source, name)
    checksums = read_checksums(os.fsdecode(content))
    if content and not checksums:
        raise FetchError(f"{source.where}/{name} has no line with a checksum: it is damaged, tell ICS")
    return checksums


def _read(source: Source, name: str) -> bytes:
    buffer = memoryview(bytearray(LARGEST + 1))
    size = 0
    with source.open(name) as opened:
        while count := opened.read_into(buffer[size:], size):
            size += count
    if size > LARGEST:
        raise FetchError(f"{source.where}/{name} is larger than {LARGEST} bytes, which no checksum file is")
    return bytes(buffer[:size])
