"""What is tortured: servers, a publisher and two followers, each daemon with proxies and a clock of its own."""

import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.processes import Daemon
from tests.torture.mounts import mount_small_disk
from tests.torture.proxy import Proxies, Proxy

from exposure_publisher import ExposureDB
from exposure_subscriber.cache import CacheDatabase, open_cache
from private_servers import PostgreSQL, RabbitMQ, RabbitMQCluster

CACHE_DISK: Final = 96 * 2**20
BROKER_DISK: Final = 3 * 2**30
"""Bytes of the small disks."""


class Part:
    """A daemon of ours that is killed and started again.

    Args:
        name: What events call it.
        verb: What it runs.
        folder: Where its log and its clock are.
        proxies: Its ways to the broker, one a node.
        environment: Its settings.
    """

    def __init__(
        self, name: str, verb: str, folder: Path, proxies: tuple[Proxy, ...], environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.proxies = proxies
        self.log = folder / f"{name}.log"
        self._verb = verb
        self._clock = folder / f"{name}.clock"
        self.set_clock(0)
        urls = ",".join(f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2F" for proxy in proxies)
        self._environment = {**environment, **_own_clock(folder, self._clock), "EXPOSURE_BUS_BROKER_URL": urls}
        self.daemon = self._start()

    def start(self) -> None:
        """Start it again."""
        self.daemon = self._start()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.daemon.kill()

    def freeze(self) -> None:
        """Hold it still."""
        self.daemon.freeze()

    def thaw(self) -> None:
        """Let it go on."""
        self.daemon.thaw()

    def tell(self) -> None:
        """Have it write into its log where it is."""
        if self.daemon.running:
            os.kill(self.daemon.pid, signal.SIGUSR1)

    def set_clock(self, seconds: int) -> None:
        """Let its clock be so many seconds fast."""
        self._clock.write_text(f"{seconds:+d}\n", encoding="ascii")

    def _start(self) -> Daemon:
        return Daemon((self._verb,), dict(self._environment), self.log)


class Site:
    """Everything, as processes; a context manager.

    Args:
        folder: Where all of it is kept.
        kind: ``sqlite`` (the exposureDB a file, one broker node) or ``postgresql`` (there, and a cluster of three).
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self.postgresql: PostgreSQL | None = None
        self.cluster: RabbitMQCluster | None = None
        self.nodes: tuple[RabbitMQ, ...] = ()
        self._running = ExitStack()

    @property
    def cache_disk(self) -> Path:
        """The small disk on which the cache of the follower alpha is."""
        return self.folder / "alpha"

    @property
    def broker_disk(self) -> Path:
        """The small disk on which the last node of the broker is."""
        return self.folder / "broker" / ("private3" if self.kind == "postgresql" else "node")

    def __enter__(self) -> Self:
        with ExitStack() as running:
            mount_small_disk(self.cache_disk, CACHE_DISK)
            mount_small_disk(self.broker_disk, BROKER_DISK)
            self._start_servers(running)
            proxies = Proxies()
            running.callback(proxies.close)
            self.publisher = self._part("publisher", "publish", proxies, {"EXPOSURE_DB_URL": self.exposure_db_url})
            self.followers = {
                name: self._part(name, "follow", proxies, {"CACHE_URL": url, "SUBSCRIBER": name})
                for name, url in self.cache_urls.items()
            }
            for part in self.parts:
                running.callback(_end, part)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def parts(self) -> tuple[Part, ...]:
        """All daemons of ours."""
        return self.publisher, *self.followers.values()

    def caches(self) -> dict[str, CacheDatabase]:
        """Open each follower's cache, by the follower's name."""
        return {name: open_cache(url) for name, url in self.cache_urls.items()}

    def _start_servers(self, running: ExitStack) -> None:
        files = {name: f"sqlite:///{self.folder}/{name}/cache.sqlite" for name in ("alpha", "beta")}
        if self.kind == "sqlite":
            self.nodes = (running.enter_context(RabbitMQ(self.broker_disk)),)
            self.exposure_db_url = f"sqlite:///{self.folder}/exposuredb.sqlite"
            self.cache_urls = files
        else:
            self.postgresql = running.enter_context(PostgreSQL(self.folder / "postgresql"))
            self.cluster = running.enter_context(RabbitMQCluster(self.folder / "broker"))
            self.nodes = self.cluster.nodes
            self.exposure_db_url = self.postgresql.create_database("exposuredb")
            self.cache_urls = files | {"beta": self.postgresql.create_database("beta")}
        ExposureDB(self.exposure_db_url).close()

    def _part(self, name: str, verb: str, proxies: Proxies, settings: Mapping[str, str]) -> Part:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EXPOSURE_BUS_")}
        own = {f"EXPOSURE_BUS_{key}": value for key, value in settings.items()}
        ways = tuple(proxies.to(node.port) for node in self.nodes)
        return Part(name, verb, self.folder, ways, kept | own | {"EXPOSURE_BUS_CONFIG": os.devnull})


def _end(part: Part) -> None:
    part.daemon.thaw()
    if part.daemon.running:
        part.daemon.kill()


def _own_clock(folder: Path, file: Path) -> dict[str, str]:
    """Return what makes a process tell the time by a file; monotonic clocks and the times of files stay."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        raise FileNotFoundError("libfaketime is not there: install faketime, or run `make setup`")
    (folder / "sitecustomize.py").write_text(_SLEEP + _TELL, encoding="utf-8")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(folder),
    }


# libfaketime 0.9.10 refuses the absolute sleep on the monotonic clock that Python's is.
_SLEEP: Final = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
_TELL: Final = "import faulthandler, signal\nfaulthandler.register(signal.SIGUSR1, all_threads=True)\n"
