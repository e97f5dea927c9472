"""Our commands as processes, with logs that a failing test can show."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import wait_until

COMMAND = str(Path(sys.executable).with_name("exposure-bus"))


class Daemon:
    """A command that runs until it is told to end.

    Args:
        arguments: What follows ``exposure-bus``.
        environment: Its whole environment.
        log: Where its output goes.
    """

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen([COMMAND, *arguments], env=environment, stdout=output, stderr=output)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for_log(self, text: str, *, seconds: float = 30.0) -> None:
        def said() -> bool:
            assert text in self.log or self.running, f"it ended before it said {text!r}:\n{self.log}"
            return text in self.log

        wait_until(said, f"{text!r} in the log", seconds=seconds)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self, number: int = signal.SIGTERM, *, seconds: float = 10.0) -> int:
        """Ask it to end; return its exit code."""
        self._process.send_signal(number)
        return self._process.wait(seconds)

    def wait(self, *, seconds: float = 30.0) -> int:
        """Wait until it ends by itself; return its exit code."""
        return self._process.wait(seconds)


class Processes:
    """Starts commands with one set of settings, and ends whatever is left.

    Args:
        logs: Folder for their logs.
    """

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._daemons: list[Daemon] = []
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EXPOSURE_BUS_")}
        self.environment = kept | {"XDG_CONFIG_HOME": str(logs), "XDG_DATA_HOME": str(logs), "COLUMNS": "100"}

    def settings(self, **settings: str) -> Self:
        """Set settings (`broker_url` and so on) for all commands started from now on."""
        self.environment |= {f"EXPOSURE_BUS_{name.upper()}": value for name, value in settings.items()}
        return self

    def start(self, *arguments: str, **settings: str) -> Daemon:
        """Start a command that runs on, with more settings of its own."""
        own = {f"EXPOSURE_BUS_{name.upper()}": value for name, value in settings.items()}
        log = self._logs / f"{len(self._daemons)}-{arguments[0]}.log"
        daemon = Daemon(arguments, self.environment | own, log)
        self._daemons.append(daemon)
        return daemon

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        own = {f"EXPOSURE_BUS_{name.upper()}": value for name, value in settings.items()}
        return subprocess.run(
            [COMMAND, *arguments],
            env=self.environment | own,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for daemon in self._daemons:
            daemon.thaw()
            if daemon.running:
                daemon.kill()
