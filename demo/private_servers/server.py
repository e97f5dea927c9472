"""What every private server can do.

ServerError: a private server cannot be started, or does not do what it was asked; its text says what to do.
"""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from private_servers import children
from private_servers.ports import HOST, free_port, is_free

_START_DEADLINE: Final = 60.0
_STOP_DEADLINE: Final = 30.0
_POLL: Final = 0.05
_TAIL_LINES: Final = 20


class ServerError(Exception):
    """A private server cannot be started, or does not do what it was asked."""


class Server(ABC):
    """A server that runs in a directory of its own and listens on loopback alone.

    Its port, its directory and its data stay the same over ``stop`` or ``kill`` and another ``start``. It ends with
    the process that started it, even when that is killed. As a context manager it runs inside the block.

    Args:
        directory: Where its settings, data and log are kept; made if it is not there.
        port: Where it listens; default: a free one.
    """

    name: ClassVar[str]
    """What messages call it."""
    _stop_signal: ClassVar[signal.Signals]
    _death_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self._directory = directory.absolute()
        self._port = port or free_port()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The address where it listens."""
        return HOST

    @property
    def port(self) -> int:
        """The TCP port where it listens."""
        return self._port

    @property
    def log(self) -> Path:
        """The file to which it writes what it does."""
        return self._directory / "server.log"

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The number of its main process.

        Raises:
            ServerError: It does not run.
        """
        if self._child is None or not self.running:
            raise ServerError(f"the private {self.name} on port {self.port} is not running: start it first")
        return self._child.pid

    def start(self) -> None:
        """Start it, on the data that it finds, and wait until it answers. Nothing happens if it runs already.

        Raises:
            ServerError: It is not installed, its port is taken, it ended, or it does not answer in time.
        """
        if self.running:
            return
        self.kill()  # what another's signal to its main process has left behind
        if not is_free(self.port):
            raise ServerError(f"port {self.port} of {self.host} is taken: give {self.name} another, or none")
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            self._child = self._launch()
            self._wait_until_it_answers(self._child)
        except BaseException:
            self.kill()
            self.stop()
            raise

    def stop(self) -> None:
        """Shut it down in order, and wait until none of its processes is left. It may be frozen, or stopped already."""
        self.thaw()
        if self._child is not None:
            children.end(self._child, self._stop_signal, _STOP_DEADLINE)

    def kill(self) -> None:
        """End it at once by SIGKILL, as a power cut does, and wait until none of its processes is left."""
        if self._child is not None:
            children.kill(self._child)

    def restart(self) -> None:
        """Stop it in order and start it again."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Hold it still (SIGSTOP): its connections stay open, and nothing answers."""
        self._signal_family(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after ``freeze``."""
        self._signal_family(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]:
        """Lay out what it needs, start its main process and return that."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether a client is served."""

    def _signal_family(self, number: signal.Signals) -> None:
        if self._child is not None and self.running:
            for member in children.family(self._child.pid):
                children.signal_if_there(member, number)

    def _wait_until_it_answers(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_DEADLINE
        while is_free(self.port) or not self._answers():
            if child.poll() is not None:
                raise self._failure(f"ended with exit code {child.returncode} before it answered")
            if time.monotonic() > deadline:
                raise self._failure(f"does not answer on port {self.port} after {_START_DEADLINE:.0f} s")
            time.sleep(_POLL)

    def _failure(self, what: str) -> ServerError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        return ServerError("\n".join([f"the private {self.name} {what}; the end of {self.log}:", *lines]))
