"""rsync as a child process: started without a prompt, awaited, and ended with whatever it has started."""

import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from exposure_subscriber.errors import SourceUnreachable
from exposure_subscriber.fetch.rsync.errors import failure

_CHUNK: Final = 64 * 1024
_PATIENCE: Final = 5_000
"""Milliseconds in which it should end when it is told to."""

_ALTERING: Final = ("RSYNC_OLD_ARGS", "RSYNC_PROTECT_ARGS")
"""Settings of the environment by which arguments would be passed on otherwise than a restricted key lets through."""


def require_program(name: str, package: str) -> None:
    """Make sure that a program is installed.

    Raises:
        SourceUnreachable: It is not on the PATH.
    """
    if shutil.which(name) is None:
        raise SourceUnreachable(f"{name} is not installed on this host: sudo apt-get install {package}")


class Rsync:
    """A running rsync; a context manager, which ends it.

    Args:
        command: Program and arguments.
        where: What it reads, for messages.
        pass_descriptor: An open file that it gets too, and holds as long as it or a child of it runs.

    Raises:
        SourceUnreachable: rsync is not installed.
    """

    def __init__(self, command: Sequence[str], where: str, *, pass_descriptor: int | None = None) -> None:
        require_program("rsync", "rsync")
        self.where = where
        self._said = b""
        self._ended = False
        # Not a pipe: a shared connection of ssh may keep this open for longer than rsync runs.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        self._process = subprocess.Popen(  # noqa: S603 (a list, with every name in it checked)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment(),
            pass_fds=() if pass_descriptor is None else (pass_descriptor,),
        )
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        self._stdout = self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end()
        finally:
            self._stdout.close()
            self._complaints.close()

    def ended(self, milliseconds: int | None) -> bool:
        """Wait for its end, and that of its children, and say whether it has come.

        Args:
            milliseconds: How long to wait; None: until it has come.
        """
        # All of its processes, and no others, hold its output: at the end of that none is left.
        while not self._ended and self._poll.poll(milliseconds):
            if chunk := os.read(self._stdout.fileno(), _CHUNK):
                self._said += chunk
            else:
                self._process.wait()
                self._ended = True
        return self._ended

    def output(self) -> str:
        """Wait for its end and return what it printed.

        Raises:
            SourceUnreachable: It failed; or another `FetchError`, if the trouble is on this host.
        """
        self.ended(None)
        if self._process.returncode != 0:
            self._complaints.seek(0)
            raise failure(self._process.returncode, os.fsdecode(self._complaints.read()), self.where)
        return os.fsdecode(self._said)

    def _end(self) -> None:
        if not self.ended(0):
            self._process.terminate()
        if not self.ended(_PATIENCE):
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _ALTERING}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
