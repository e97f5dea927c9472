"""Our daemons in a thread of the test: quick to start, and their log lines are the test's own."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from tests.waiting import wait_until


class Runs(Protocol):
    """A relay or a follower."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


class InThread:
    """A daemon that runs in a thread of its own.

    Args:
        daemon: What runs.
    """

    def __init__(self, daemon: Runs) -> None:
        self._daemon = daemon
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait until it ends by itself; raise what ended it."""
        wait_until(lambda: not self.running, "the daemon ending by itself")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ask it to end, and wait until it has; raise what ended it before."""
        wait_until(self._asked, "the daemon hearing that it is to stop")
        self.wait()

    def _asked(self) -> bool:
        """A daemon that is just connecting would end the process, which is the test's: it is asked again."""
        with contextlib.suppress(SystemExit):
            self._daemon.stop()
            return True
        return not self.running

    def _run(self) -> None:
        try:
            self._daemon.run()
        except BaseException as failure:  # noqa: BLE001 (it is raised in the test's own thread)
            self._failure = failure


@contextlib.contextmanager
def running(daemon: Runs) -> Iterator[InThread]:
    """Run a daemon for the length of a block."""
    thread = InThread(daemon)
    try:
        yield thread
    except BaseException:
        if thread.running:
            thread.stop()
        raise
    thread.stop()
