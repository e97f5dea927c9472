"""``exposure-bus tap`` as a process: what it writes, and how it ends."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.tapping import Publisher, exposure, publishing, summary
from tests.processes import COMMAND, Processes

from exposure_schemas import routing
from private_servers import RabbitMQ, free_port


@pytest.fixture
def publisher(broker_url: str) -> Iterator[Publisher]:
    with publishing(broker_url) as started:
        yield started


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker that a test may freeze."""
    with RabbitMQ(tmp_path_factory.mktemp("node")) as node:
        yield node


def test_ctrl_c_ends_a_tap_whose_broker_is_frozen(own_broker: RabbitMQ, processes: Processes) -> None:
    daemon = processes.settings(broker_url=own_broker.url).start("tap")
    daemon.wait_for_log("tapping")
    own_broker.freeze()
    try:
        assert daemon.end(signal.SIGINT) == 130
    finally:
        own_broker.thaw()


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signals_end_a_tap_without_a_traceback(
    number: int, exit_code: int, broker_url: str, processes: Processes
) -> None:
    daemon = processes.settings(broker_url=broker_url).start("tap")
    daemon.wait_for_log("tapping exposure.# from now on")
    assert daemon.end(number) == exit_code
    assert "Traceback" not in daemon.log


def test_a_broker_that_is_away_is_told_in_one_line(processes: Processes) -> None:
    daemon = processes.settings(broker_url=f"amqp://guest:secret@127.0.0.1:{free_port()}/").start("tap")
    daemon.wait_for_log("trying again")
    assert daemon.end(signal.SIGINT) == 130
    header, *lines = daemon.log.splitlines()
    assert header.startswith("received")
    assert len(lines) == 1
    assert "does not answer" in lines[0]
    assert "secret" not in daemon.log


def test_the_command_ends_after_so_many_exposures(broker_url: str, publisher: Publisher, processes: Processes) -> None:
    publisher.publish(routing.EXCHANGE, "exposure.pending.none.none", b"poison")
    publisher.send(routing.EXCHANGE, "exposure.written.zero.none", summary(exposure(1), exposure(2), exposure(3)))
    processes.settings(broker_url=broker_url)
    tapped = processes.run("tap", "--from", "first", "--count", "2", "--format", "json")
    poison, first, second = map(json.loads, tapped.stdout.splitlines())
    assert tapped.returncode == 0
    assert poison["undecodable"].startswith("unknown-type")
    assert poison["hex"] == b"poison".hex()
    assert (first["expid"], second["expid"]) == (1, 2)
    assert second["covers"] == [1, 3]


def test_the_table_and_the_csv_carry_each_exposure(broker_url: str, publisher: Publisher, processes: Processes) -> None:
    publisher.expose(1, 2, data_location="/data/20230913")
    processes.settings(broker_url=broker_url)
    for output_format in ("table", "csv"):
        tapped = processes.run("tap", "--from", "first", "--count", "2", "--format", output_format)
        header, *lines = tapped.stdout.splitlines()
        assert tapped.returncode == 0, tapped.stderr
        assert "expid" in header
        assert ["/data/20230913" in line for line in lines] == [True, True]
        assert "\x1b" not in tapped.stdout


@pytest.mark.parametrize("published", [1, 2000], ids=["nothing more comes", "much more comes"])
def test_a_tap_ends_quietly_when_nobody_reads_it(
    published: int, broker_url: str, publisher: Publisher, processes: Processes
) -> None:
    publisher.expose(*range(1, published + 1))
    script = f"'{COMMAND}' tap --from first | head -2; echo ${{PIPESTATUS[0]}}"
    environment = processes.environment | {"EXPOSURE_BUS_BROKER_URL": broker_url}
    piped = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    header, line, exit_code = piped.stdout.splitlines()
    assert header.startswith("received")
    assert " 20230913 " in line
    assert exit_code == "0"
    assert "Traceback" not in piped.stderr
    assert "Broken" not in piped.stderr


def test_a_full_disk_is_told_in_one_line(broker_url: str, publisher: Publisher, processes: Processes) -> None:
    publisher.expose(1)
    environment = processes.environment | {"EXPOSURE_BUS_BROKER_URL": broker_url}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, "tap"], env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "exposure-bus: cannot write what was tapped: No space left on device"
    assert "Traceback" not in ended.stderr
