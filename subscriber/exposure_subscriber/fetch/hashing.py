"""Reading something to its end while a thread beside hashes it: one pass, and the hash covers what was passed on.

hashlib lets other threads run while it digests a block, so reading and writing cost no time of their own. Blocks of
256 KiB stay in the processor's cache between being read, written and hashed; blocks of 1 MiB were half as fast.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self

BLOCK: Final = 256 * 1024
"""Bytes read at once."""

BLOCKS: Final = 4
"""Blocks in use at once for one file: one is read or written, one hashed, two wait."""

SMALL: Final = 4 * BLOCK
"""Bytes up to which a file is hashed without a thread beside, which would take longer to start than it saves."""

Reader = Callable[[memoryview, int], int]
"""Fills a buffer from an offset in bytes and returns how many bytes came; 0 at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file was found to hold."""

    size: int
    """Size in bytes."""
    sha256: str
    """SHA-256 in lower-case hexadecimal."""


def read_through(read: Reader, use: Callable[[memoryview], None], expected: int) -> Content:
    """Read to the end, hand each block on, and hash it.

    Args:
        read: Where the bytes come from.
        use: What is done with each block; it must be done with it when it returns.
        expected: Size in bytes; one byte more is read, so that a longer file is noticed and cannot fill a disk.

    Returns:
        Size and hash of all blocks that were handed on.
    """
    limit, size = expected + 1, 0
    with _HashingThread() if limit > SMALL else _HashingHere(limit) as hashing:
        while size < limit:
            block = hashing.next_block()
            count = read(block[: limit - size], size)
            if not count:
                break
            use(block[:count])
            hashing.add(block, count)
            size += count
    return Content(size=size, sha256=hashing.hexdigest())


def follow(read: Reader, use: Callable[[memoryview], None], expected: int) -> None:
    """Read to the end and hand each block on, as `read_through` does, without hashing it."""
    block, limit, size = memoryview(bytearray(BLOCK)), expected + 1, 0
    while size < limit and (count := read(block[: limit - size], size)):
        use(block[:count])
        size += count


class _HashingHere:
    """Hashes a block when it is added.

    Args:
        size: Bytes that will come at most.
    """

    def __init__(self, size: int) -> None:
        self._digest = hashlib.sha256()
        self._block = memoryview(bytearray(min(size, BLOCK)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be ended."""

    def next_block(self) -> memoryview:
        """Return the block that may be filled."""
        return self._block

    def add(self, block: memoryview, count: int) -> None:
        """Hash the first bytes of a block."""
        self._digest.update(block[:count])

    def hexdigest(self) -> str:
        """Return the hash of all blocks."""
        return self._digest.hexdigest()


class _HashingThread:
    """Hashes blocks in the order in which they are added; the thread ends with the context."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="fetch-hash")
        for _ in range(BLOCKS):
            self._free.put(memoryview(bytearray(BLOCK)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._full.put(None)
        self._thread.join()

    def next_block(self) -> memoryview:
        """Return a block that may be filled; wait until one is hashed."""
        return self._free.get()

    def add(self, block: memoryview, count: int) -> None:
        """Hash the first bytes of a block."""
        self._full.put((block, count))

    def hexdigest(self) -> str:
        """Return the hash; only after the context has ended."""
        return self._digest.hexdigest()

    def _run(self) -> None:
        while (filled := self._full.get()) is not None:
            block, count = filled
            self._digest.update(block[:count])
            self._free.put(block)
