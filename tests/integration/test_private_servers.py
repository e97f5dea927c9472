"""The private servers of the demo and the tests: real ones, killed, frozen, stopped and orphaned."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import psutil
import psycopg2
import pytest

from private_servers import PostgreSQL, RabbitMQ, Server, ServerError, children, free_port

PLUGIN = "rabbitmq_management"
DEADLINE = 30.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("broker"), plugins=[PLUGIN]) as node:
        yield node


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    # Longer than the path of a socket may be.
    with PostgreSQL(tmp_path_factory.mktemp("database") / ("deep" * 30)) as cluster:
        yield cluster


def test_a_confirmed_message_survives_the_kill_of_its_broker(broker: RabbitMQ) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        # Not a quorum queue: RabbitMQ 3.10 forgets one that was declared less than half a second before.
        channel.queue_declare("kept", durable=True)
        channel.basic_publish("", "kept", b"exposure", pika.BasicProperties(delivery_mode=2))
    before, processes = broker.pid, family(broker)
    broker.kill()
    assert not any(map(children.is_alive, processes))
    broker.start()
    assert broker.pid != before
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        _, _, body = connection.channel().basic_get("kept", auto_ack=True)
    assert body == b"exposure"


def test_a_committed_row_survives_the_kill_of_its_database(database: PostgreSQL) -> None:
    url = database.create_database("kept")
    execute(url, "CREATE TABLE exposure AS SELECT 1 AS expid")
    processes = family(database)
    database.kill()
    assert not any(map(children.is_alive, processes))
    database.start()
    assert execute(url, "SELECT expid FROM exposure") == [(1,)]


def test_a_committed_row_survives_a_restart_in_order(database: PostgreSQL) -> None:
    url = database.create_database("restarted")
    execute(url, "CREATE TABLE exposure AS SELECT 2 AS expid")
    database.restart()
    assert execute(url, "SELECT expid FROM exposure") == [(2,)]


def test_the_database_waits_for_the_disk(database: PostgreSQL) -> None:
    assert execute(database.url(), "SHOW fsync") == [("on",)]


def test_a_database_of_that_name_is_refused(database: PostgreSQL) -> None:
    database.create_database("twice")
    with pytest.raises(ServerError, match=r"'twice'.*already exists"):
        database.create_database("twice")


@pytest.mark.parametrize("name", ["broker", "database"])
def test_a_frozen_server_accepts_but_answers_only_once_thawed(name: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(name)
    greeting = {"broker": b"AMQP\x00\x00\x09\x01", "database": (8).to_bytes(4) + (80877103).to_bytes(4)}[name]
    server.freeze()
    try:
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(greeting)
            client.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.recv(1)
            server.thaw()
            client.settimeout(DEADLINE)
            assert client.recv(1)
    finally:
        server.thaw()


@pytest.mark.parametrize("name", ["broker", "database"])
def test_a_server_listens_on_loopback_alone(name: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(name)
    processes = [process for process in psutil.Process().children(recursive=True) if process.is_running()]
    assert psutil.Process(server.pid) in processes
    listening = {
        connection.laddr
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert server.port in {address.port for address in listening}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


def test_a_plugin_that_listens_does_so_on_its_own_port(broker: RabbitMQ) -> None:
    with socket.create_connection((broker.host, broker.plugin_ports[PLUGIN])) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(5) == b"HTTP/"


def test_starting_a_running_server_changes_nothing(database: PostgreSQL) -> None:
    before = database.pid
    database.start()
    assert database.pid == before


def test_a_taken_port_is_named(database: PostgreSQL, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=f"port {database.port} of 127.0.0.1 is taken"):
        PostgreSQL(tmp_path, port=database.port).start()


def test_a_stopped_server_has_no_process_and_keeps_its_data(tmp_path: Path) -> None:
    with PostgreSQL(tmp_path) as server:
        url = server.create_database("kept")
        processes = family(server)
        server.freeze()
    assert not any(map(children.is_alive, processes))
    with pytest.raises(ServerError, match="not running"):
        print(server.pid)
    assert not (tmp_path / "data").is_symlink()
    server.start()
    assert execute(url, "SELECT 1") == [(1,)]
    server.stop()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with PostgreSQL(tmp_path) as server:
        pass
    with (tmp_path / "data" / "postgresql.conf").open("a") as settings:
        settings.write("exposures = many\n")
    with pytest.raises(ServerError, match=r'exit code 1 (?s:.*)parameter "exposures"'):
        server.start()
    assert not server.running


@pytest.mark.timeout(120)
def test_servers_end_with_the_process_that_started_them_however_it_ends(tmp_path: Path) -> None:
    script = f"""
import threading
from pathlib import Path
from private_servers import PostgreSQL, RabbitMQ
servers = [RabbitMQ(Path({str(tmp_path / "broker")!r})), PostgreSQL(Path({str(tmp_path / "database")!r}))]
starters = [threading.Thread(target=server.start) for server in servers]
for starter in starters:
    starter.start()
for starter in starters:
    starter.join()
print("started", flush=True)
input()
"""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        everything = psutil.Process(starter.pid).children(recursive=True)
        names = {process.name() for process in everything}
        starter.send_signal(signal.SIGKILL)
    assert {"beam.smp", "epmd", "postgres"} <= names
    wait_until(lambda: not any(map(children.is_alive, everything)))
    with PostgreSQL(tmp_path / "database") as heir:
        assert execute(heir.url(), "SELECT 1") == [(1,)]


def test_free_ports_are_distinct_and_out_of_reach_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(100)]
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == len(ports)
    assert all(1024 < port < lowest for port in ports)


def family(server: Server) -> list[psutil.Process]:
    processes = children.family(server.pid)
    assert processes
    return processes


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
