"""A RabbitMQ cluster on one machine, with quorum queues and streams on all of its nodes."""

import json
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from private_servers import children
from private_servers.ports import free_port
from private_servers.rabbitmq import Member, RabbitMQ, start_epmd
from private_servers.server import ServerError

NET_TICK_TIME: Final = 10
"""Seconds after which nodes count one as gone that does not answer; RabbitMQ's default is 60."""


class RabbitMQCluster:
    """Some RabbitMQ nodes of one's own that are one cluster; each may be killed, frozen and started again alone.

    As a context manager it runs inside the block.

    Args:
        directory: Where all of it is kept.
        size: How many nodes.
    """

    def __init__(self, directory: Path, size: int = 3) -> None:
        self._directory = directory.absolute()
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        names = [f"private{number}@localhost" for number in range(1, size + 1)]
        cookie = secrets.token_hex(16).upper()
        self.nodes: Final = tuple(
            RabbitMQ(self._directory / name.partition("@")[0], member=self._member(name, cookie, names))
            for name in names
        )
        """The nodes; they stay the same over ``kill`` and another ``start``."""

    @property
    def url(self) -> str:
        """The addresses of all nodes, separated by commas."""
        return ",".join(node.url for node in self.nodes)

    @property
    def running(self) -> tuple[RabbitMQ, ...]:
        """The nodes whose process is there."""
        return tuple(node for node in self.nodes if node.running)

    def start(self) -> None:
        """Start all nodes that do not run; those that come later join the first."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._epmd is None or self._epmd.poll() is not None:
            self._epmd = start_epmd(self._epmd_port, self._directory, self._directory / "epmd.log")
        first, *others = self.nodes
        first.start()
        with ThreadPoolExecutor() as beside:
            list(beside.map(RabbitMQ.start, others))

    def stop(self) -> None:
        """Shut all nodes down in order, then the port mapper."""
        for node in reversed(self.nodes):
            node.stop()
        if self._epmd is not None:
            children.kill(self._epmd)

    def leader_of(self, queue: str) -> RabbitMQ | None:
        """Return the node that leads a queue or a stream now; None if nobody does.

        Raises:
            ServerError: No node can be asked, or there is no such queue.
        """
        told = json.loads(self._ask("list_queues", "name", "leader", "--formatter", "json"))
        leaders = {row["name"]: row["leader"] for row in told}
        if queue not in leaders:
            raise ServerError(f"the cluster has no queue {queue!r}")
        return next((node for node in self.nodes if node.node == leaders[queue]), None)

    def members_of(self, queue: str) -> list[str]:
        """Return the names of the nodes that have a copy of a queue or a stream."""
        told = json.loads(self._ask("list_queues", "name", "members", "--formatter", "json"))
        return next((row["members"] for row in told if row["name"] == queue), [])

    def _ask(self, *arguments: str) -> str:
        for node in self.running:
            return node.ctl(*arguments)
        raise ServerError("no node of the cluster runs")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _member(self, name: str, cookie: str, names: list[str]) -> Member:
        nodes = [f"cluster_formation.classic_config.nodes.{place} = {each}" for place, each in enumerate(names, 1)]
        return Member(
            name=name,
            epmd_port=self._epmd_port,
            cookie=cookie,
            settings=(
                "cluster_formation.peer_discovery_backend = classic_config",
                *nodes,
                # Two nodes that cannot hear each other both go on, and the smaller side starts anew afterwards: under
                # pause_minority a node that was frozen for long came back apart from the others.
                "cluster_partition_handling = autoheal",
                f"net_ticktime = {NET_TICK_TIME}",
            ),
        )
