"""A private PostgreSQL cluster."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

import psycopg2
from psycopg2 import sql

from private_servers import children
from private_servers.cluster_files import ClusterFiles
from private_servers.server import Server, ServerError

_SUPERUSER: Final = "postgres"
_CONNECT_TIMEOUT: Final = 5


class PostgreSQL(Server):
    """A PostgreSQL cluster of one's own, with the superuser ``postgres``, who needs no password.

    PostgreSQL refuses to run as root: then it runs as the system's user ``postgres``.

    Args:
        directory: Where its data and log are kept.
        port: Where it listens; default: a free one.
    """

    name = "PostgreSQL"
    _stop_signal = signal.SIGINT  # 'fast': sessions are ended, data are written
    _death_signal = signal.SIGQUIT  # 'immediate': it takes its own children along

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        super().__init__(directory, port=port)
        self._user = "postgres" if os.geteuid() == 0 else None
        self._files = ClusterFiles(self._directory / "data", self._user)

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database in it."""
        return f"postgresql://{_SUPERUSER}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its address.

        Raises:
            ServerError: There is one of that name, or the cluster does not answer.
        """
        try:
            connection = psycopg2.connect(self.url(), connect_timeout=_CONNECT_TIMEOUT)
            try:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            finally:
                connection.close()
        except psycopg2.Error as error:
            raise ServerError(f"cannot create the database {name!r}: {str(error).strip()}") from error
        return self.url(name)

    def stop(self) -> None:
        """Shut it down in order and put its files back in their place. It may be frozen, or stopped already."""
        super().stop()
        self._files.take_back()

    def _launch(self) -> subprocess.Popen[bytes]:
        programs = _programs()
        data = self._files.lend()
        if not self._files.initialised:
            self._initialise(programs, data)
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            # No socket in the file system: its path may be no longer than 107 bytes, and nobody needs one.
            "unix_socket_directories": "",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return self._start([str(programs / "postgres"), "-D", str(data), *options], data)

    def _initialise(self, programs: Path, data: Path) -> None:
        # Only the empty cluster is written without waiting for the disk; the server itself always waits.
        options = ["--no-sync", "--auth=trust", f"--username={_SUPERUSER}", "--encoding=UTF8", "--locale=C.UTF-8"]
        initdb = self._start([str(programs / "initdb"), "-D", str(data), *options], data)
        if initdb.wait() != 0:
            raise self._failure(f"could not be initialised (exit code {initdb.returncode})")

    def _start(self, command: list[str], data: Path) -> subprocess.Popen[bytes]:
        return children.start(command, directory=data, log=self.log, death_signal=self._death_signal, user=self._user)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(), connect_timeout=_CONNECT_TIMEOUT).close()
        except psycopg2.OperationalError:
            return False
        return True


def _programs() -> Path:
    """Return the folder of the newest installed version's programs; Debian keeps each version in its own."""
    versions = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    newest_first = sorted(versions, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in [*newest_first, *_configured_programs()]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerError("PostgreSQL's server is not there: install postgresql, or run `make setup`")


def _configured_programs() -> list[Path]:
    try:
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [Path(told.stdout.strip())]
