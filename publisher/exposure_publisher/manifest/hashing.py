"""Hashing a file, and knowing that it did not change meanwhile."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from exposure_publisher.errors import FileChanged
from exposure_publisher.manifest.stamp import Stamp, stamp_of

BLOCK: Final = 256 * 1024
"""Bytes read at once: blocks that stay in the processor's cache are hashed twice as fast."""

_GONE: Final = (errno.ENOENT, errno.ESTALE, errno.ELOOP)
"""The file of this name is no longer the one that was seen."""


class Reader:
    """Reads files in one thread, with one buffer for all of them.

    Args:
        alive: Called after each block that the file server has given; False if the file need not be read to its end.
    """

    def __init__(self, alive: Callable[[], bool]) -> None:
        self.alive = alive
        """Says that there is progress, and returns whether more is wanted."""
        self._buffer = memoryview(bytearray(BLOCK))

    def sha256(self, path: Path, stamp: Stamp) -> str:
        """Return a file's SHA-256 in lower-case hexadecimal.

        Args:
            path: The file.
            stamp: What it was when it was listed.

        Raises:
            FileChanged: It was changed or replaced since, or nobody wants it any more.
            OSError: It cannot be read.
        """
        try:
            sha256 = self._read(path)
            now = stamp_of(os.stat(path, follow_symlinks=False))  # noqa: PTH116 (next to os.open)
        except OSError as error:
            if error.errno in _GONE:
                raise FileChanged(f"{path} is there no more") from error
            raise
        if now != stamp or not self.alive():
            raise FileChanged(f"{path} changed while it was hashed")
        return sha256

    def _read(self, path: Path) -> str:
        digest = hashlib.sha256()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            while self.alive() and (count := os.readv(descriptor, [self._buffer])):
                digest.update(self._buffer[:count])
        finally:
            os.close(descriptor)
        return digest.hexdigest()
