"""A private RabbitMQ node."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pika
from pika.exceptions import AMQPError

from private_servers import children
from private_servers.ports import HOST, free_port
from private_servers.server import Server, ServerError

# Debian's /usr/sbin/rabbitmq-server insists on its own user; these run as anybody.
_PROGRAM: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_CTL: Final = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")

# These listen on every address unless they are told otherwise.
_LISTENING_PLUGINS: Final = {"rabbitmq_management": "management.tcp", "rabbitmq_prometheus": "prometheus.tcp"}

_HANDSHAKE_TIMEOUT: Final = 5.0
_CTL_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node's place in a cluster."""

    name: str
    """The node's name, such as ``private1@localhost``; its data are kept under it."""
    epmd_port: int
    """Where the cluster's port mapper listens; it is not the node's to start or stop."""
    cookie: str
    """By which the nodes know each other."""
    settings: tuple[str, ...]
    """Lines for its settings file."""


class RabbitMQ(Server):
    """A RabbitMQ node of one's own, with the user ``guest`` and the virtual host ``/``.

    Args:
        directory: Where its settings, data and log are kept.
        port: Where it listens; default: a free one.
        plugins: Names of plugins that it runs. The management and Prometheus plugins listen on loopback, on the
            port that ``plugin_ports`` tells; do not name others that listen.
        member: Its place in a cluster; default: it stands alone.
    """

    name = "RabbitMQ"
    _stop_signal = signal.SIGTERM

    def __init__(
        self, directory: Path, *, port: int | None = None, plugins: Sequence[str] = (), member: Member | None = None
    ) -> None:
        super().__init__(directory, port=port)
        self._plugins = tuple(plugins)
        self.plugin_ports: Final = {name: free_port() for name in plugins if name in _LISTENING_PLUGINS}
        """Name of a plugin that listens, and its port."""
        self._distribution_port = free_port()
        self._member = member
        self.node: Final = member.name if member else "private@localhost"
        """The node's name."""
        self._epmd_port = member.epmd_port if member else free_port()
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address with the user's name and password."""
        return f"amqp://guest:guest@{self.host}:{self.port}/%2F"

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on it, and return what that says.

        Raises:
            ServerError: The node does not do it; the text is what the command said.
        """
        environment = self._environment() | {"PATH": os.environ["PATH"]}
        command = [str(_CTL), "--quiet", "--node", self.node, *arguments]
        try:
            told = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=_CTL_TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise ServerError(f"rabbitmqctl {arguments[0]} did not end within {_CTL_TIMEOUT:g} s") from error
        if told.returncode != 0:
            raise ServerError(f"rabbitmqctl {arguments[0]} failed: {(told.stderr or told.stdout).strip()}")
        return told.stdout

    def stop(self) -> None:
        """Shut the node down in order, then its port mapper. It may be frozen, or stopped already."""
        super().stop()
        self._end_epmd()

    def kill(self) -> None:
        """End the node at once by SIGKILL, as a power cut does, and its port mapper."""
        super().kill()
        self._end_epmd()

    def _launch(self) -> subprocess.Popen[bytes]:
        if not _PROGRAM.exists():
            raise ServerError(f"{_PROGRAM} is not there: install rabbitmq-server, or run `make setup`")
        self._write_settings()
        environment = self._environment()
        if self._member is None:  # started here rather than by the node, whose own would outlive it
            self._epmd = start_epmd(self._epmd_port, self._directory, self.log)
        return self._start([str(_PROGRAM)], environment)

    def _start(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return children.start(
            command,
            directory=self._directory,
            log=self.log,
            death_signal=self._death_signal,
            environment=environment,
        )

    def _end_epmd(self) -> None:
        if self._epmd is not None:
            children.kill(self._epmd)

    def _answers(self) -> bool:
        parameters = pika.URLParameters(self.url)
        parameters.socket_timeout = parameters.stack_timeout = _HANDSHAKE_TIMEOUT
        parameters.blocked_connection_timeout = _HANDSHAKE_TIMEOUT
        try:
            pika.BlockingConnection(parameters).close()
        except (AMQPError, OSError):
            return False
        return True

    def _write_settings(self) -> None:
        lines = [f"listeners.tcp.1 = {self.host}:{self.port}"]
        for plugin, port in self.plugin_ports.items():
            prefix = _LISTENING_PLUGINS[plugin]
            lines += [f"{prefix}.ip = {self.host}", f"{prefix}.port = {port}"]
        if self._member is not None:
            lines += self._member.settings
            write_cookie(self._directory, self._member.cookie)
        (self._directory / "rabbitmq.conf").write_text("\n".join([*lines, ""]), encoding="utf-8")
        enabled = ", ".join(self._plugins)
        (self._directory / "enabled_plugins").write_text(f"[{enabled}].\n", encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        here = self._directory
        loopback = HOST.replace(".", ",")
        return children.inherited_environment(without=("RABBITMQ_", "ERL_", "NOTIFY_SOCKET")) | {
            "HOME": str(here),  # the cookie by which nodes know each other is kept there
            "RABBITMQ_NODENAME": self.node,  # fixed, since the data are kept under this name
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # else the machine's own node's is read
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"-start_epmd false -kernel inet_dist_use_interface {{{loopback}}}"
            ),
            "ERL_EPMD_PORT": str(self._epmd_port),
            # With this the start script becomes the node (exec) instead of staying its parent.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def start_epmd(port: int, directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a port mapper, by which nodes find each other; it ends with this process."""
    command = [_epmd(), "-address", HOST, "-port", str(port)]
    return children.start(command, directory=directory, log=log, death_signal=signal.SIGKILL)


def write_cookie(directory: Path, cookie: str) -> None:
    """Write the secret by which nodes know each other; Erlang insists that nobody else can read it."""
    file = directory / ".erlang.cookie"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(cookie, encoding="ascii")
        file.chmod(0o400)


def _epmd() -> str:
    program = shutil.which("epmd")
    if program is None:
        raise ServerError("epmd is not on the PATH: it comes with Erlang; run `make setup`")
    return program
