"""The demo's processes: watched while they run, ended in the end, and named with their last words if they die."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.waiting import wait_until

from errors import ProcessEnded, TookTooLong
from places import Places
from private_servers import RabbitMQ
from processes import Processes

FOREVER = ["sleep", "1000"]


@pytest.fixture
def here(tmp_path: Path) -> Places:
    places = Places(tmp_path)
    places.make()
    return places


@pytest.fixture
def processes(here: Places) -> Iterator[Processes]:
    with Processes(here, ()) as started:
        yield started


def test_a_process_that_runs_is_nothing_to_complain_of_and_ends_when_it_is_asked_to(processes: Processes) -> None:
    processes.start("sleeper", FOREVER)
    processes.check()
    assert processes.running("sleeper")
    processes.end_all()
    assert not processes.running("sleeper")
    assert processes.exit_codes == {"sleeper": -15}


def test_an_errand_may_end_and_others_may_not(processes: Processes) -> None:
    processes.start("errand", ["true"], errand=True)
    wait_until(lambda: checked(processes, "errand"), "the end of the errand")
    assert processes.exit_codes == {"errand": 0}
    processes.start("follow", ["true"])
    with pytest.raises(ProcessEnded, match="follow ended early, with exit code 0; its log is empty"):
        processes.wait_until(lambda: False, "the end of all days", within=30)


def test_an_errand_that_fails_is_named_with_its_last_words(processes: Processes) -> None:
    processes.start("emulate", ["sh", "-c", "echo the disk is full >&2; exit 3"], errand=True)
    with pytest.raises(ProcessEnded, match=r"emulate ended early, with exit code 3; .*\n  the disk is full"):
        processes.wait_until(lambda: False, "the end of all days", within=30)


def test_a_server_that_has_ended_is_named(here: Places) -> None:
    server = RabbitMQ(here.root / "broker")
    server.log.parent.mkdir()
    server.log.write_text("out of memory\n", encoding="utf-8")
    with Processes(here, [server]) as processes, pytest.raises(ProcessEnded) as ended:
        processes.check()
    assert str(ended.value) == "the private RabbitMQ has ended; the end of its log:\n  out of memory"


def test_what_does_not_come_is_said_with_what_all_processes_say(processes: Processes, here: Places) -> None:
    processes.start("follow", ["sh", "-c", "echo no broker; exec sleep 1000"])
    wait_until(lambda: here.log_of("follow").read_text(), "its first word")
    with pytest.raises(TookTooLong) as late:
        processes.wait_until(lambda: False, "a heartbeat", within=0)
    assert str(late.value) == "a heartbeat: not yet after 0 s\nfollow: the end of its log:\n  no broker"


def test_what_was_true_before_is_not_waited_for(processes: Processes) -> None:
    processes.wait_until(lambda: True, "nothing", within=0)


def test_output_goes_to_a_file_of_its_own_and_complaints_to_the_log(processes: Processes, here: Places) -> None:
    processes.start("tap", ["sh", "-c", "echo data; echo words >&2"], output=here.tapped, errand=True)
    wait_until(lambda: checked(processes, "tap"), "the end of the tap")
    assert here.tapped.read_text() == "data\n"
    assert here.log_of("tap").read_text() == "words\n"


def test_processes_write_into_a_home_of_the_demo(processes: Processes, here: Places) -> None:
    processes.start("any", ["sh", "-c", 'echo "$HOME $XDG_CONFIG_HOME"'], errand=True)
    wait_until(lambda: checked(processes, "any"), "the end of it")
    assert here.log_of("any").read_text() == f"{here.home} {here.home}\n"


def checked(processes: Processes, name: str) -> bool:
    processes.check()
    return not processes.running(name)
