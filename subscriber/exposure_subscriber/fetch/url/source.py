"""A folder on a server that is read by URL: over HTTP, or in an S3 bucket.

Nothing outlives the fetch: connections are made for it and end with it, so a process that forks between two fetches
shares none with its child.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Self

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.hashing import BLOCK, Reader
from exposure_subscriber.fetch.location import Location
from exposure_subscriber.fetch.remote import S3, SAFE_NAME, Remote
from exposure_subscriber.fetch.source import Target
from exposure_subscriber.fetch.url.store import Store, Stream


class UrlFile:
    """A file of a folder; its content is asked for when it is first read.

    Args:
        store: The folder.
        name: Its bare name.
    """

    fills_at_once = True

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._found = store.look(name)
        self._stream: Stream | None = None
        self._offset = 0
        self.state = self._found.state

    def changed(self) -> bool:
        """Whether the server describes it in another way now."""
        return self._store.look(self._name) != self._found

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""
        if self._stream is None or offset != self._offset:
            if offset >= self.state.size:  # a server would call a range without a byte an error
                return 0
            self._stream = self._begin_at(offset)
        count = self._stream.read_into(buffer)
        self._offset = offset + count
        return count

    def fill(self, target: Target) -> Reader | None:  # noqa: ARG002 (nobody else can do it, whatever the target is)
        """Leave the reading to the fetch."""
        return None

    def close(self) -> None:
        """Let go of what has not been read."""
        if self._stream is not None:
            self._stream.close()

    def _begin_at(self, offset: int) -> Stream:
        self.close()
        stream = self._stream = self._store.stream(self._name, offset)
        unwanted = offset - stream.begins
        passed_over = memoryview(bytearray(min(unwanted, BLOCK)))
        while unwanted and (count := stream.read_into(passed_over[:unwanted])):
            unwanted -= count
        return stream


class UrlSource:
    """A folder on a server; a context manager, which ends its connections.

    Args:
        location: The folder.

    Raises:
        LocationRefused: It names a user, or a port of a bucket: neither has a meaning.
        SourceUnreachable: What reads it is not installed.
    """

    def __init__(self, location: Location) -> None:
        self.where = location.text
        self._store = _store(Remote.of(location.text))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def names(self) -> list[str]:
        """Return the bare names of what lies there, in any order; those that cannot be asked for are left out."""
        return [name for name in self._store.names() if SAFE_NAME.fullmatch(name)]

    @contextmanager
    def open(self, name: str) -> Iterator[UrlFile]:
        """Open a file of the folder by its bare name.

        Raises:
            LocationRefused: Its name cannot be asked for, or the server sends us elsewhere.
            SourceUnreachable: It is missing, or cannot be read.
        """
        if not SAFE_NAME.fullmatch(name):
            raise LocationRefused(
                f"{self.where} is asked for no file {name!r}: on another host only letters, digits and ._+=,@%~- are "
                "taken, with no dot, dash or tilde in front"
            )
        with closing(UrlFile(self._store, name)) as file:
            yield file


def _store(remote: Remote) -> Store:
    if remote.user is not None:
        raise LocationRefused(f"location {remote.url!r} names a user, which {remote.scheme} does not: leave it out")
    try:
        if remote.scheme == S3:
            from exposure_subscriber.fetch.url.s3_store import S3Store  # noqa: PLC0415 (botocore takes a while)

            return S3Store(remote)
        from exposure_subscriber.fetch.url.http_store import HttpStore  # noqa: PLC0415 (not every host has urllib3)

        return HttpStore(remote)
    except ModuleNotFoundError as error:
        extra = S3 if remote.scheme == S3 else "http"
        package = (error.name or "").partition(".")[0]
        raise SourceUnreachable(
            f"cannot read {remote.url}: {package} is not installed; run: pip install 'exposure-bus[{extra}]'"
        ) from error
