"""What the file system says about the destination, in our words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from exposure_subscriber.errors import FetchError, NoSpace

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Translate errors about a file or folder of the destination.

    Raises:
        NoSpace: The disk, or the user's share of it, is full.
        FetchError: Anything else, naming the path.
    """
    try:
        yield
    except OSError as error:
        kind = NoSpace if error.errno in _FULL else FetchError
        raise kind(f"cannot write {path}: {error.strerror}") from error
