"""Private servers: a RabbitMQ node or cluster, a PostgreSQL cluster, an rsync daemon and an SSH server of one's own.

They are for the demo, the tests and the benchmarks.

Each runs from the machine's installed programs in a directory that the caller gives, listens on loopback alone, and
ends with the process that started it. A server that the machine runs already is neither used nor touched.

    with RabbitMQ(directory / "broker") as broker, PostgreSQL(directory / "database") as database:
        print(broker.url, database.create_database("exposures"))
"""

from private_servers.ports import free_port
from private_servers.postgresql import PostgreSQL
from private_servers.rabbitmq import RabbitMQ
from private_servers.rabbitmq_cluster import RabbitMQCluster
from private_servers.rsync_daemon import RsyncDaemon
from private_servers.server import Server, ServerError
from private_servers.sshd import SSHServer

__all__ = [
    "PostgreSQL",
    "RabbitMQ",
    "RabbitMQCluster",
    "RsyncDaemon",
    "SSHServer",
    "Server",
    "ServerError",
    "free_port",
]
