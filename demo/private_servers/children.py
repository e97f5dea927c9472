"""Child processes that end with the process that started them, and their descendants."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psutil

# The kernel sends the parent-death signal when the *thread* that started the child ends. All children are therefore
# started by one thread that ends with the process, so that a caller's short-lived thread may start a server too.
_starter: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="private-servers")

_POLL: Final = 0.02
_KILL_DEADLINE: Final = 10.0


def start(
    command: Sequence[str],
    *,
    directory: Path,
    log: Path,
    death_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C on the terminal does not reach it.

    Args:
        command: Program and arguments; it must replace itself (exec) rather than fork, or the signal misses it.
        directory: Where it runs.
        log: File to which its output is added.
        death_signal: What the kernel sends it when this process ends, however it ends.
        environment: Its environment; default: this process's.
        user: The user it runs as; default: this process's.
    """
    # setpriv sets the signal after it has changed the user, which would clear it.
    become = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    wrapped = ["setpriv", *become, "--pdeathsig", death_signal.name.removeprefix("SIG"), "--", *command]

    def launch() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                wrapped,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    return _starter.submit(launch).result()


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants, itself first; nothing if it is no more."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def end(child: subprocess.Popen[bytes], stop_signal: signal.Signals, patience: float) -> None:
    """Send a child a signal and wait until it and its descendants are gone; kill those that stay.

    Args:
        child: What ``start`` returned; nothing happens if it has ended.
        stop_signal: What it is sent; its descendants are left to notice by themselves.
        patience: How long they may take, in seconds.
    """
    if child.poll() is not None:
        return  # its number may be another's by now
    members = family(child.pid)
    child.send_signal(stop_signal)
    _kill_all(child, _wait_until_gone(child, members, patience))


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and all its descendants at once, and wait until they are gone."""
    if child.poll() is None:
        _kill_all(child, family(child.pid))


def signal_if_there(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _kill_all(child: subprocess.Popen[bytes], members: Sequence[psutil.Process]) -> None:
    for member in members:
        signal_if_there(member, signal.SIGKILL)
    child.wait()
    _wait_until_gone(child, members, _KILL_DEADLINE)


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; one that has ended but was not yet collected by its parent does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait_until_gone(
    child: subprocess.Popen[bytes], members: Sequence[psutil.Process], patience: float
) -> list[psutil.Process]:
    """Return those that are still there after so many seconds."""
    deadline = time.monotonic() + patience
    while alive := [member for member in members if is_alive(member)]:
        child.poll()
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    return alive


def inherited_environment(*, without: tuple[str, ...]) -> dict[str, str]:
    """Return this process's environment without the variables whose names begin so."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}
