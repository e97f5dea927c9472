"""The RabbitMQ and the PostgreSQL that all scripts of a run share, with a virtual host or a database for each site."""

import itertools
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from benchmarks.raw import connect
from private_servers import PostgreSQL, RabbitMQ

_MADE: Final = """rabbit_vhost:add(<<"{name}">>, <<"guest">>),
    rabbit_auth_backend_internal:set_permissions(
        <<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"guest">>)."""
"""One command of rabbitmqctl instead of two, which take most of a second each to start."""

_CLEARED: Final = """[rabbit_vhost:delete(Name, <<"guest">>) || Name <- [{names}]],
    ra_log_wal:force_roll_over(ra_log_wal)."""
"""What the queues have logged is dropped with them now, and not while the next script measures."""


class Servers:
    """Servers that are started when a script first asks for them, and end with the block.

    Args:
        folder: Where they keep their data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._virtual_hosts: list[str] = []
        self._databases: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def virtual_host(self) -> str:
        """Make a part of the broker that is as good as another broker, and return its URL."""
        name = f"site{next(self._numbers)}"
        self._broker.ctl("eval", _MADE.format(name=name))
        self._virtual_hosts.append(name)
        return f"{self._broker.url.rpartition('/')[0]}/{name}"

    def database(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"site{next(self._numbers)}"
        url = self._postgresql.create_database(name)
        self._databases.append(name)
        return url

    def clear(self) -> None:
        """Take away what a script has made, so that nothing of it disturbs the next."""
        if self._virtual_hosts:
            self._broker.ctl("eval", _CLEARED.format(names=", ".join(f'<<"{name}">>' for name in self._virtual_hosts)))
            self._virtual_hosts.clear()
        if self._databases:
            self._drop_databases()

    def _drop_databases(self) -> None:
        with closing(connect(self._postgresql.url())) as connection, connection.cursor() as cursor:
            for name in self._databases:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            cursor.execute("CHECKPOINT")
        self._databases.clear()

    @cached_property
    def _broker(self) -> RabbitMQ:
        return self._stack.enter_context(RabbitMQ(self._folder / "rabbitmq"))

    @cached_property
    def _postgresql(self) -> PostgreSQL:
        return self._stack.enter_context(PostgreSQL(self._folder / "postgresql"))
