"""A folder on another host, read by rsync: from its daemon (``rsync://``), or over ssh.

For each file one rsync runs, which writes straight into the temporary file at the destination, and which is watched
meanwhile; what stands there is hashed when it has ended. Whether what came is right is told by our own SHA-256 alone.
Names, sizes and times come from one listing of the folder, whose times are in whole seconds; rsync itself sets finer
ones, which are taken over.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Final, Self

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.hashing import Reader
from exposure_subscriber.fetch.location import Location
from exposure_subscriber.fetch.remote import SAFE_NAME, SSH, Remote
from exposure_subscriber.fetch.rsync.command import RsyncCommand
from exposure_subscriber.fetch.rsync.listing import Entry, read_listing
from exposure_subscriber.fetch.rsync.process import Rsync
from exposure_subscriber.fetch.rsync.scratch import scratch_file
from exposure_subscriber.fetch.rsync.ssh_sharing import SharedSsh
from exposure_subscriber.fetch.rsync.transfer import Transfer
from exposure_subscriber.fetch.source import FileState, Target

_SECOND: Final = 10**9


class RsyncSource:
    """A folder of another host; a context manager, which closes the connection that its files share.

    Args:
        location: The folder, with the scheme ``rsync`` or ``ssh``.

    Raises:
        LocationRefused: It names no module of the daemon.
        SourceUnreachable: rsync, or ssh, is not installed on this host.
    """

    def __init__(self, location: Location) -> None:
        self.where = location.text
        remote = Remote.of(location.text)
        if remote.scheme != SSH and not remote.path:
            raise LocationRefused(f"location {self.where!r} names no module: write rsync://host[:port]/module/path")
        self._ssh = SharedSsh(remote) if remote.scheme == SSH else None
        self._command = RsyncCommand(remote=remote, ssh=self._ssh.command if self._ssh else None)
        self._listing: dict[str, Entry] | None = None
        self._being_listed = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ssh is not None:
            self._ssh.close()

    def names(self) -> list[str]:
        """Return the bare names of what lies there and can be asked for, in any order."""
        return list(self._listed())

    @contextmanager
    def open(self, name: str) -> Iterator["RsyncFile"]:
        """Open a regular file of the folder by its bare name; the rsync that fills a target ends with the context.

        Raises:
            LocationRefused: It is a symbolic link, or its name has characters that are not asked for elsewhere.
            SourceUnreachable: It is missing, not a regular file, or the folder cannot be listed.
        """
        where = f"{self.where}/{name}"
        if not SAFE_NAME.fullmatch(name):
            raise LocationRefused(
                f"{where!r} is not asked for: on another host names are of letters, digits, ._+=,@%~-"
            )
        entry = self._listed().get(name)
        if entry is None:
            raise SourceUnreachable(f"cannot read {where}: there is no such file")
        if entry.is_link:
            raise LocationRefused(f"{where} is a symbolic link, which is not followed")
        if not entry.is_file:
            raise SourceUnreachable(f"{where} is not a regular file")
        with ExitStack() as stack:
            yield RsyncFile(self, self._command, name, entry, stack)

    def entry_now(self, name: str) -> Entry | None:
        """List the folder again and return what stands under a name; None if nothing does."""
        with self._being_listed:
            self._listing = None
        return self._listed().get(name)

    def _listed(self) -> dict[str, Entry]:
        with self._being_listed:
            if self._listing is None:
                with Rsync(self._command.to_list(), self.where) as rsync:
                    self._listing = read_listing(rsync.output())
            return self._listing


class RsyncFile:
    """A file of the folder.

    Args:
        source: The folder.
        command: How it is asked for.
        name: The bare name.
        entry: What the listing says of it.
        stack: What it starts is ended with this.
    """

    fills_at_once = False
    """A server may send a file twice, and rsync then writes it twice."""

    def __init__(self, source: RsyncSource, command: RsyncCommand, name: str, entry: Entry, stack: ExitStack) -> None:
        self.state = FileState(entry.size, entry.modified * _SECOND)
        self._source = source
        self._command = command
        self._name = name
        self._entry = entry
        self._stack = stack
        self._read_here: Reader | None = None

    def changed(self) -> bool:
        """Whether its size or time, in whole seconds, is another one now."""
        return self._source.entry_now(self._name) != self._entry

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end.

        They come by way of a file among this host's temporary ones.
        """
        if self._read_here is None:
            self._read_here = self.fill(self._stack.enter_context(scratch_file()))
        return self._read_here(buffer, offset)

    def fill(self, target: Target) -> Reader:
        """Let rsync fill the target, going on with what it holds, and return what reads it meanwhile."""
        command = self._command.to_copy(self._name, target)
        # Handed over, the lock of the target is held as long as rsync writes, even if this process is killed.
        rsync = Rsync(command, f"{self._source.where}/{self._name}", pass_descriptor=target.descriptor)
        transfer = Transfer(self._stack.enter_context(rsync), target)

        def read(buffer: memoryview, offset: int) -> int:
            count = transfer.read_into(buffer, offset)
            if not count:
                self._take_over_time(target)
            return count

        return read

    def _take_over_time(self, target: Target) -> None:
        modified = os.fstat(target.descriptor).st_mtime_ns
        if modified // _SECOND == self._entry.modified:
            self.state = FileState(self._entry.size, modified)
