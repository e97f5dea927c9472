"""Reading a file while rsync writes it."""

import os
from typing import Final

from exposure_subscriber.errors import SourceUnreachable
from exposure_subscriber.fetch.rsync.process import Rsync
from exposure_subscriber.fetch.source import Target

_POLL: Final = 5
"""Milliseconds between looks at how far it has come, where rsync is slower than reading."""

_WRITE_OUT: Final = 32 * 2**20
"""Bytes after which the kernel is asked to begin writing to disk, so that the flush at the end finds little to do."""


class Transfer:
    """A target being filled from its beginning to its end.

    Args:
        rsync: What fills it.
        target: The target.
    """

    def __init__(self, rsync: Rsync, target: Target) -> None:
        self._rsync = rsync
        self._target = target
        self._begun = target.held

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end.

        It is filled whole if rsync is quick enough; else it gets what there is.

        Raises:
            SourceUnreachable: rsync failed, or found something other than a regular file.
            FetchError: It could not write.
        """
        wanted = offset + len(buffer)
        while self._size() < wanted and not self._rsync.ended(_POLL):
            self._target.go_on()
            if self._size() > offset:
                break
        count = self._target.read_into(buffer, offset)
        if count:
            self._begin_writing_out(offset + count)
        elif said := self._rsync.output().strip():  # it prints nothing but that it skips something
            raise SourceUnreachable(f"{self._rsync.where} is not a regular file any more: rsync says {said!r}")
        return count

    def _size(self) -> int:
        return os.fstat(self._target.descriptor).st_size

    def _begin_writing_out(self, end: int) -> None:
        # Linux starts writing what is dirty and drops what is clean; of what was just written, nothing is clean.
        if end - self._begun >= _WRITE_OUT:
            os.posix_fadvise(self._target.descriptor, self._begun, end - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = end
