"""The demo's processes: started, watched, and ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from errors import NotSetUp, ProcessEnded, TookTooLong
from places import Places
from private_servers import Server, children

_PATIENCE: Final = 10.0
"""Seconds that a process may take to end."""
_POLL: Final = 0.05
_TAIL_LINES: Final = 12


class Processes:
    """Processes that end with the block; each has a log in the demo's folder.

    Args:
        here: The demo's folder.
        servers: Servers that are watched as well, started and ended by somebody else.
    """

    def __init__(self, here: Places, servers: Iterable[Server]) -> None:
        self._here = here
        self._servers = tuple(servers)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._errands: set[str] = set()
        self._home = {name: str(here.home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        self.exit_codes: dict[str, int] = {}
        """Name to exit code of those that have ended."""

    def start(self, name: str, command: Sequence[str], *, output: Path | None = None, errand: bool = False) -> None:
        """Start a process.

        Args:
            name: What it is called; its log is named so.
            command: Program and arguments.
            output: File for its standard output; default: its log.
            errand: It ends by itself when its work is done; others go on until they are asked to end.
        """
        into_file = ["sh", "-c", 'exec "$@" >"$0"', str(output)] if output else []
        if errand:
            self._errands.add(name)
        self._running[name] = children.start(
            [*into_file, *command],
            directory=self._here.root,
            log=self._here.log_of(name),
            death_signal=signal.SIGTERM,
            environment=os.environ | self._home,
        )

    def running(self, name: str) -> bool:
        """Tell whether a process goes on."""
        return name in self._running

    def check(self) -> None:
        """Take note of errands that are done, and look whether all others go on.

        Raises:
            ProcessEnded: One ended early, or an errand failed.
        """
        for name, child in list(self._running.items()):
            code = child.poll()
            if code is None:
                continue
            self._forget(name)
            if code != 0 or name not in self._errands:
                raise ProcessEnded(f"{name} {_how(code)}; {_tail(self._here.log_of(name))}")
        for server in self._servers:
            if not server.running:
                raise ProcessEnded(f"the private {server.name} has ended; {_tail(server.log)}")

    def wait_until(self, condition: Callable[[], bool], what: str, *, within: float) -> None:
        """Wait until something is true while all processes go on.

        Args:
            condition: Asked again and again.
            what: What is waited for, for the error's text.
            within: Seconds.

        Raises:
            ProcessEnded: A process ended meanwhile.
            TookTooLong: It did not become true.
        """
        deadline = time.monotonic() + within
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                tails = [f"{name}: {_tail(self._here.log_of(name))}" for name in self._running]
                raise TookTooLong("\n".join([f"{what}: not yet after {within:.0f} s", *tails]))
            time.sleep(_POLL)

    def end_all(self) -> None:
        """Ask all to end, the last started first, and wait until they are gone."""
        for name in reversed(list(self._running)):
            children.end(self._running[name], signal.SIGTERM, _PATIENCE)
            self._forget(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end_all()

    def _forget(self, name: str) -> None:
        self.exit_codes[name] = self._running.pop(name).returncode


def exposure_bus(verb: str, *arguments: str) -> list[str]:
    """Return the command line of a verb of ``exposure-bus``.

    Raises:
        NotSetUp: It is not installed beside this Python.
    """
    program = Path(sys.executable).with_name("exposure-bus")
    if not program.exists():
        raise NotSetUp(f"{program} is not there: run `make setup`")
    return [str(program), verb, *arguments]


def _how(exit_code: int) -> str:
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended early, with exit code {exit_code}"


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n  ".join(["the end of its log:", *lines] if lines else ["its log is empty"])
