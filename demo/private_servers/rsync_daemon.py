"""A private rsync daemon."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from private_servers import children
from private_servers.server import Server, ServerError

_ANSWER_TIMEOUT: Final = 5.0
_GREETING: Final = b"@RSYNCD:"
_SENT: Final = re.compile(r"\bsend (\d+) (.+)$", re.MULTILINE)


class RsyncDaemon(Server):
    """An rsync daemon of one's own, which serves one folder, to be read, as a module.

    Started by root it reads as ``nobody``, as a daemon of the system does.

    Args:
        directory: Where its settings and log are kept.
        served: The folder that it serves.
        port: Where it listens; default: a free one.
        module: What the folder is called.
        password: What the user ``qlf`` must give; None lets anybody read.
    """

    name = "rsync daemon"
    user: Final = "qlf"
    """Who may read where a password is asked for."""
    _stop_signal = signal.SIGTERM

    def __init__(
        self,
        directory: Path,
        served: Path,
        *,
        port: int | None = None,
        module: str = "data",
        password: str | None = None,
    ) -> None:
        super().__init__(directory, port=port)
        self._served = served.absolute()
        self._module = module
        self._transfers = self._directory / "transfers.log"
        self._password = password

    @property
    def url(self) -> str:
        """Its address with the module."""
        user = f"{self.user}@" if self._password else ""
        return f"rsync://{user}{self.host}:{self.port}/{self._module}"

    @property
    def sent(self) -> dict[str, int]:
        """How many bytes of which file it has sent, by path; a file sent several times counts as often."""
        if not self._transfers.exists():
            return {}
        found = _SENT.findall(self._transfers.read_text(encoding="utf-8"))
        paths = {path for _, path in found}
        return {path: sum(int(count) for count, other in found if other == path) for path in paths}

    def _launch(self) -> subprocess.Popen[bytes]:
        if shutil.which("rsync") is None:
            raise ServerError("rsync is not on the PATH: install rsync, or run `make setup`")
        settings = self._write_settings()
        return children.start(
            ["rsync", "--daemon", "--no-detach", f"--config={settings}", f"--port={self.port}"],
            directory=self._directory,
            log=self.log,
            death_signal=self._death_signal,
            environment=children.inherited_environment(without=("RSYNC_",)),
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), _ANSWER_TIMEOUT) as connection:
                return connection.recv(len(_GREETING)) == _GREETING
        except OSError:
            return False

    def _write_settings(self) -> Path:
        lines = [
            f"address = {self.host}",
            "use chroot = no",  # which takes root
            "reverse lookup = no",
            "socket options = TCP_NODELAY",
            f"[{self._module}]",
            f"path = {self._served}",
            "read only = yes",
            f"log file = {self._transfers}",
            "transfer logging = yes",
            "log format = %o %b %f",
        ]
        if os.geteuid() == 0:
            lines += ["uid = nobody", "gid = nogroup"]
        if self._password:
            lines += [f"auth users = {self.user}", f"secrets file = {self._write_secrets(self._password)}"]
        settings = self._directory / "rsyncd.conf"
        settings.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return settings

    def _write_secrets(self, password: str) -> Path:
        secrets = self._directory / "rsyncd.secrets"
        secrets.touch(mode=0o600)
        secrets.write_text(f"{self.user}:{password}\n", encoding="utf-8")
        return secrets
