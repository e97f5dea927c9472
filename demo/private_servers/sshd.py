"""A private SSH server."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from private_servers import children
from private_servers.server import Server, ServerError

_PROGRAM: Final = Path("/usr/sbin/sshd")
_PRIVILEGE_SEPARATION: Final = Path("/run/sshd")
"""A folder whose name is compiled into sshd, and which it wants when root starts it; the system's own makes it too."""

_ALIAS: Final = "private"
"""What the server is known as to its clients, whatever port leads to it."""

_ANSWER_TIMEOUT: Final = 5.0
_GREETING: Final = b"SSH-"


class SSHServer(Server):
    """An SSH server of one's own, where the present user gets in with one key, restricted to reading one folder.

    Args:
        directory: Where its settings, keys and log are kept.
        served: The folder that the key may read, by rsync alone.
        port: Where it listens; default: a free one.
    """

    name = "SSH server"
    _stop_signal = signal.SIGTERM

    def __init__(self, directory: Path, served: Path, *, port: int | None = None) -> None:
        super().__init__(directory, port=port)
        self._served = served.absolute()

    @property
    def url(self) -> str:
        """Its address; the folder is its root."""
        return f"ssh://{getpass.getuser()}@{self.host}:{self.port}"

    @property
    def client_settings(self) -> Path:
        """A file for ``ssh -F`` by which the server is known and the key is used."""
        return self._directory / "ssh_config"

    def _launch(self) -> subprocess.Popen[bytes]:
        rrsync = shutil.which("rrsync")
        if not _PROGRAM.exists() or rrsync is None:
            raise ServerError(
                f"{_PROGRAM} or rrsync is not there: install openssh-server and rsync, or run `make setup`"
            )
        self._make_keys()
        self._write_settings(rrsync)
        if os.geteuid() == 0:  # it stays, since another server may be at work in it
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        return children.start(
            [str(_PROGRAM), "-D", "-e", "-f", str(self._directory / "sshd_config")],
            directory=self._directory,
            log=self.log,
            death_signal=self._death_signal,
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), _ANSWER_TIMEOUT) as connection:
                return connection.recv(len(_GREETING)) == _GREETING
        except OSError:
            return False

    def _make_keys(self) -> None:
        for name in ("host_key", "user_key"):
            path = self._directory / name
            if not path.exists():
                command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def _write_settings(self, rrsync: str) -> None:
        here = self._directory
        self._write(
            "authorized_keys",
            f'restrict,command="{rrsync} -ro {self._served}" {(here / "user_key.pub").read_text(encoding="utf-8")}',
        )
        self._write(
            "sshd_config",
            f"ListenAddress {self.host}:{self.port}",
            f"HostKey {here / 'host_key'}",
            f"AuthorizedKeysFile {here / 'authorized_keys'}",
            "AuthenticationMethods publickey",
            "PermitRootLogin prohibit-password",
            "PidFile none",
            "StrictModes no",  # temporary folders are anybody's
            "UsePAM no",
            "LogLevel VERBOSE",
        )
        host_key = (here / "host_key.pub").read_text(encoding="utf-8")
        self._write("known_hosts", f"{_ALIAS} {host_key}")
        self._write(
            "ssh_config",
            f"IdentityFile {here / 'user_key'}",
            "IdentitiesOnly yes",
            f"HostKeyAlias {_ALIAS}",
            f"UserKnownHostsFile {here / 'known_hosts'}",
            "StrictHostKeyChecking yes",
        )

    def _write(self, name: str, *lines: str) -> None:
        (self._directory / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
