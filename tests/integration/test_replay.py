"""``exposure-bus replay`` against a real broker and both databases."""

import itertools
import os
import pty
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from tests.processes import COMMAND, Processes
from tests.rabbitmqctl import memory_alarm
from tests.waiting import wait_until

from exposure_bus.broker import envelope_of, open_channel
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import declare_follower
from exposure_publisher import ExposureDB
from exposure_publisher.ledger import open_ledger
from exposure_schemas import ExposureSummary, decode, follower_queue
from exposure_schemas.routing import REPLAY_EXCHANGE
from private_servers import RabbitMQ

NIGHT = 20230913


class Site:
    """An exposureDB whose changes a test numbers itself, and the command beside it.

    Args:
        processes: Where commands run, with the broker and the exposureDB in their settings.
        url: The exposureDB.
    """

    def __init__(self, processes: Processes, url: str) -> None:
        self.processes = processes
        self.database = ExposureDB(url)
        self._url = url

    def record(self, expids: range, night: int = NIGHT) -> None:
        self.database.record_many({"expid": expid, "night": night} for expid in expids)

    def number(self) -> None:
        """Give each change a number, as the relay does."""
        with closing(open_ledger(self._url)) as ledger:
            while changes := ledger.unnumbered(5000):
                ledger.number(changes, [None] * len(changes), 0)

    def replay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.processes.run("replay", *arguments)


@pytest.fixture
def site(processes: Processes, broker_url: str, exposure_db_url: str) -> Iterator[Site]:
    made = Site(processes.settings(broker_url=broker_url, exposure_db_url=exposure_db_url), exposure_db_url)
    yield made
    made.database.close()


@pytest.fixture
def sqlite_site(processes: Processes, broker_url: str, tmp_path: Path) -> Iterator[Site]:
    """For what does not depend on the database."""
    url = f"sqlite:///{tmp_path}/exposuredb.sqlite"
    made = Site(processes.settings(broker_url=broker_url, exposure_db_url=url), url)
    yield made
    made.database.close()


@pytest.fixture
def follower(broker_url: str, subscriber: str) -> str:
    """A follower's name whose queue stands, and that nobody reads."""
    declare(broker_url, "test", declare_follower(subscriber))
    return subscriber


def received(broker_url: str, name: str) -> list[ExposureSummary]:
    """Take all messages out of a follower's queue."""
    with open_channel(broker_url, "test") as channel:
        return list(_taken(channel, follower_queue(name)))


def _taken(channel: BlockingChannel, queue: str) -> Iterator[ExposureSummary]:
    """Consume what is there, since a queue with a single active consumer knows no other way."""
    count = channel.queue_declare(queue, passive=True).method.message_count
    for method, properties, body in itertools.islice(channel.consume(queue, inactivity_timeout=20), count):
        assert method is not None, "the queue holds less than it says"
        channel.basic_ack(method.delivery_tag)
        message = decode(body, envelope_of(properties))
        assert isinstance(message, ExposureSummary)
        yield message
    channel.cancel()


def expids(messages: list[ExposureSummary]) -> list[int]:
    return sorted(exposure.expid for message in messages for exposure in message.exposures)


def tiles(messages: list[ExposureSummary], newest: int) -> bool:
    """Whether the spans that messages account for are the numbers from 1 to the newest, each once."""
    spans = sorted(message.covers for message in messages if message.covers)
    return [number for first, last in spans for number in range(first, last + 1)] == list(range(1, newest + 1))


def test_all_exposures_come_packed_and_account_for_the_whole_ledger(site: Site, broker_url: str, follower: str) -> None:
    site.record(range(1200))
    site.number()
    site.record(range(100), night=NIGHT + 1)
    site.number()
    done = site.replay("--all")
    messages = received(broker_url, follower)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1200 exposures replayed in 3 messages to all followers in ")
    assert done.stdout.count("\n") == 1
    assert tiles(messages, 1300)
    assert expids(messages) == list(range(1200))
    assert all(message.replayed for message in messages)
    assert {exposure.expid for message in messages for exposure in message.exposures if exposure.night != NIGHT} == set(
        range(100)
    )


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (["17"], [17]),
        (["--expid", "15", "24"], list(range(15, 25))),
        (["--night", "20230914"], list(range(20, 30))),
        (["--date", "2023-09-14T03:00:05Z", "2023-09-14T03:00:07"], [5, 6, 7]),
    ],
)
def test_a_selection_comes_alone_and_accounts_for_no_span(
    asked: list[str], wanted: list[int], site: Site, broker_url: str, follower: str
) -> None:
    for expid in range(10):
        moment = f"2023-09-14T03:00:{expid:02}Z"
        site.database.record(expid=expid, night=NIGHT, data_written=True, data_written_at=moment)
    site.record(range(10, 20))
    site.record(range(20, 30), night=NIGHT + 1)
    site.number()
    done = site.replay(*asked)
    messages = received(broker_url, follower)
    assert done.returncode == 0, done.stderr
    assert expids(messages) == wanted
    assert [message.covers for message in messages] == [None]


def test_only_the_follower_that_is_named_gets_it(sqlite_site: Site, broker_url: str, follower: str) -> None:
    other = f"{follower}-other"
    declare(broker_url, "test", declare_follower(other))
    sqlite_site.record(range(3))
    sqlite_site.number()
    done = sqlite_site.replay("--all", "--to", follower)
    assert done.stdout.startswith(f"3 exposures replayed in 1 message to follower {follower} in ")
    assert expids(received(broker_url, follower)) == [0, 1, 2]
    assert received(broker_url, other) == []
    with open_channel(broker_url, "test") as channel:
        channel.queue_delete(follower_queue(other))


def test_a_follower_that_nobody_knows_is_an_error_that_names_it(sqlite_site: Site) -> None:
    sqlite_site.record(range(1200))
    sqlite_site.number()
    done = sqlite_site.replay("--all", "--to", "nobody")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "exposure-bus: no follower named nobody has a queue at the broker" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_has_no_number_yet_is_left_to_the_relay_and_said(site: Site, broker_url: str, follower: str) -> None:
    site.record(range(3))
    site.number()
    site.record(range(3, 5))
    done = site.replay("--night", str(NIGHT))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "2 exposures have no number yet: `exposure-bus publish` announces them"
    assert expids(received(broker_url, follower)) == [0, 1, 2]


def test_where_nothing_matches_it_says_so_with_code_3(site: Site) -> None:
    empty = site.replay("--all")
    assert (empty.returncode, empty.stderr) == (3, "exposure-bus: the exposureDB has no exposure\n")
    site.record(range(3))
    unnumbered = site.replay("--night", str(NIGHT))
    assert unnumbered.returncode == 3
    assert "no exposure of night 20230913 that is numbered; 3 exposures have no number yet" in unnumbered.stderr


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(sqlite_site: Site, broker_url: str, follower: str) -> None:
    sqlite_site.record(range(100, 700))
    sqlite_site.number()
    done = sqlite_site.replay("--expid", "150", "699", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "would replay 550 exposures in 2 messages to all followers",
        "  expid     150 to 699",
        "  sequence  51 to 600",
    ]
    assert received(broker_url, follower) == []


def test_with_a_rate_messages_are_small(sqlite_site: Site, broker_url: str, follower: str) -> None:
    sqlite_site.record(range(300))
    sqlite_site.number()
    done = sqlite_site.replay("--all", "--rate", "1000")
    messages = received(broker_url, follower)
    assert done.returncode == 0, done.stderr
    assert max(len(message.exposures) for message in messages) == 100
    assert tiles(messages, 300)


def test_an_exposuredb_that_is_not_there_is_not_made(processes: Processes, broker_url: str, tmp_path: Path) -> None:
    mistyped = tmp_path / "mistyped.sqlite"
    done = processes.run("replay", "--all", broker_url=broker_url, exposure_db_url=f"sqlite:///{mistyped}")
    assert done.returncode == 1
    assert f"there is no exposureDB {mistyped}" in done.stderr
    assert not mistyped.exists()


def test_a_broker_that_is_away_at_the_start_is_not_waited_for(sqlite_site: Site, unused_port: int) -> None:
    sqlite_site.record(range(3))
    sqlite_site.number()
    done = sqlite_site.replay("--all", "--broker-url", f"amqp://127.0.0.1:{unused_port}")
    assert done.returncode == 1
    assert f"the broker at 127.0.0.1:{unused_port} does not answer" in done.stderr


@pytest.fixture
def unused_port() -> int:
    from private_servers import free_port  # noqa: PLC0415 (one test needs it)

    return free_port()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly_and_it_says_how_much_was_sent(
    number: signal.Signals, code: int, sqlite_site: Site, follower: str
) -> None:
    sqlite_site.record(range(1000))
    sqlite_site.number()
    replaying = sqlite_site.processes.start("replay", "--all", "--to", follower, "--rate", "50")
    replaying.wait_for_log("connected to the broker")
    assert replaying.end(number) == code
    assert "stopped: " in replaying.log
    assert f"to follower {follower}, and not the rest" in replaying.log
    assert "Traceback" not in replaying.log


def test_what_the_broker_refuses_is_sent_again(sqlite_site: Site, broker_url: str, subscriber: str) -> None:
    queue = follower_queue(subscriber)
    with open_channel(broker_url, "test") as channel:
        channel.queue_declare(queue, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        channel.queue_bind(queue, REPLAY_EXCHANGE, subscriber)
        sqlite_site.record(range(1200))
        sqlite_site.number()
        replaying = sqlite_site.processes.start("replay", "--all", "--to", subscriber)
        replaying.wait_for_log("did not arrive (the broker answered nack): sending again")
        messages: list[ExposureSummary] = []
        while not tiles(messages, 1200):
            wait_until(lambda: channel.queue_declare(queue, passive=True).method.message_count, "another message")
            messages += _taken(channel, queue)
    assert replaying.wait() == 0
    assert "1200 exposures replayed in 3 messages" in replaying.log


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker that a test may kill and alarm."""
    with RabbitMQ(tmp_path_factory.mktemp("node")) as node:
        yield node


def _waiting(broker_url: str, name: str) -> int:
    with open_channel(broker_url, "test") as channel:
        count: int = channel.queue_declare(follower_queue(name), passive=True).method.message_count
        return count


def test_a_broker_killed_in_the_middle_loses_nothing(sqlite_site: Site, own_broker: RabbitMQ) -> None:
    declare(own_broker.url, "test", declare_follower("killed"))
    sqlite_site.record(range(3000))
    sqlite_site.number()
    arguments = ("replay", "--all", "--to", "killed", "--rate", "1000")
    replaying = sqlite_site.processes.start(*arguments, broker_url=own_broker.url)
    wait_until(lambda: _waiting(own_broker.url, "killed") >= 3, "three messages in the queue")
    own_broker.kill()
    own_broker.start()
    assert replaying.wait(seconds=60) == 0, replaying.log
    messages = received(own_broker.url, "killed")
    assert {message.covers for message in messages} == {(first, first + 99) for first in range(1, 3001, 100)}
    assert "3000 exposures replayed in 30 messages to follower killed" in replaying.log
    assert "Traceback" not in replaying.log
    assert replaying.log.count("connected to the broker") == 2


def test_a_broker_that_takes_nothing_for_a_while_is_waited_for(sqlite_site: Site, own_broker: RabbitMQ) -> None:
    declare(own_broker.url, "test", declare_follower("blocked"))
    sqlite_site.record(range(300))
    sqlite_site.number()
    with memory_alarm(own_broker):
        arguments = ("replay", "--all", "--to", "blocked", "--rate", "300")
        replaying = sqlite_site.processes.start(*arguments, broker_url=own_broker.url)
        replaying.wait_for_log("the broker takes nothing now")
        assert replaying.running
    assert replaying.wait(seconds=60) == 0, replaying.log
    assert tiles(received(own_broker.url, "blocked"), 300)


def test_it_works_beside_a_running_relay_and_makes_a_follower_complete(
    site: Site, subscriber: str, tmp_path: Path
) -> None:
    cache = tmp_path / "cache.sqlite"
    site.record(range(700))
    relay = site.processes.start("publish")
    relay.wait_for_log("connected to the broker")
    site.processes.start("follow", cache_url=f"sqlite:///{cache}", subscriber=subscriber).wait_for_log("connected")
    wait_until(lambda: _cached(cache) == 700, "the cache holding all")
    with closing(sqlite3.connect(cache)) as connection, connection:
        connection.execute("DELETE FROM exposure")
    assert site.replay("--all", "--to", subscriber).returncode == 0
    wait_until(lambda: _cached(cache) == 700, "the cache holding all again")
    assert relay.running


def _cached(cache: Path) -> int:
    with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as connection:
        count: int = connection.execute("SELECT count(*) FROM exposure").fetchone()[0]
        return count


def test_on_a_terminal_it_draws_a_bar(sqlite_site: Site, follower: str) -> None:
    sqlite_site.record(range(400))
    sqlite_site.number()
    shown, terminal = pty.openpty()
    arguments = [COMMAND, "replay", "--all", "--to", follower, "--rate", "400"]
    environment = sqlite_site.processes.environment | {"TERM": "xterm"}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        drawn = b"".join(_reads(shown))
        output = process.stdout.read() if process.stdout else b""
    os.close(shown)
    assert process.returncode == 0
    assert b"400 exposures replayed in 10 messages" in output
    assert b"replaying" in drawn
    assert b"/400" in drawn
    assert b"connected to the broker" in drawn


def _reads(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(descriptor, 4096)
        except OSError:
            return  # how the end of a terminal's output shows


def test_credentials_that_the_broker_refuses_are_said(sqlite_site: Site, broker_url: str) -> None:
    sqlite_site.record(range(1))
    sqlite_site.number()
    done = sqlite_site.replay("--all", "--broker-url", broker_url.replace("guest:guest", "guest:wrong"))
    assert done.returncode == 1
    assert "refuses the user, the password or the virtual host" in done.stderr
    assert "wrong" not in done.stderr
    assert pika.__name__ not in done.stderr
