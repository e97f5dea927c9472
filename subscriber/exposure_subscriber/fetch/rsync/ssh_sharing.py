"""One ssh connection for all files of an exposure.

Keys, known hosts and jump hosts are the user's: ``~/.ssh/config`` and the agent apply, and nothing is ever asked.
"""

import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from exposure_subscriber.fetch.remote import Remote
from exposure_subscriber.fetch.rsync.process import require_program
from exposure_subscriber.fetch.writable import writable

_PERSIST: Final = 15
"""Seconds that an unused connection stays, should this process be killed."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9/._-]{1,80}", re.ASCII)
"""A path that needs no quoting, and leaves room for what ssh adds: a socket's path has at most 107 bytes."""

_CLOSE_TIMEOUT: Final = 10
_OPTIONS: Final = (
    "-aTx",  # neither the agent nor a terminal nor a display is for the other side
    *("-o", "BatchMode=yes"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "ConnectTimeout=10"),
    *("-o", "LogLevel=ERROR"),  # else a banner passes for a complaint
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=3"),
)


class SharedSsh:
    """A connection that is made by the first who needs it, and used by all others.

    Args:
        remote: Whose host and port it leads to.

    Raises:
        SourceUnreachable: ssh is not installed.
        FetchError: No temporary folder can be made.
    """

    def __init__(self, remote: Remote) -> None:
        require_program("ssh", "openssh-client")
        with writable(Path(tempfile.gettempdir())):
            self._folder = Path(tempfile.mkdtemp(prefix="exposure-bus-"))
        self._host = remote.host
        self._socket = self._folder / "ssh"
        self._port = ("-p", str(remote.port)) if remote.port else ()

    @property
    def command(self) -> str:
        """The command for rsync, which splits it at blanks."""
        sharing = ["-o", "ControlMaster=auto", "-o", f"ControlPersist={_PERSIST}", "-S", str(self._socket)]
        shared = sharing if _PLAIN.fullmatch(str(self._socket)) else ["-S", "none"]
        return " ".join(["ssh", *_OPTIONS, *shared, *self._port])

    def close(self) -> None:
        """Close the connection."""
        try:
            if self._socket.exists():
                with suppress(subprocess.TimeoutExpired):  # it ends by itself when it is not used any more
                    self._exit()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _exit(self) -> None:
        subprocess.run(  # noqa: S603 (a list, with the host in it checked)
            ["ssh", "-S", str(self._socket), "-O", "exit", self._host],  # noqa: S607 (the user's own ssh)
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_CLOSE_TIMEOUT,
            check=False,
        )
