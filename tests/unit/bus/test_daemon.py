"""What long-running verbs share: log lines, and a clean end."""

import gc
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from exposure_bus.daemon import NEW_OBJECTS, collect_rarely, start_logging, stop_on_signal

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Handlers of signals and of the log, put back."""
    root, numbers = logging.getLogger(), (signal.SIGINT, signal.SIGTERM)
    handlers, level, kept = root.handlers[:], root.level, [signal.getsignal(number) for number in numbers]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("pika").setLevel(logging.NOTSET)
    for number, handler in zip(numbers, kept, strict=True):
        signal.signal(number, handler)


def test_a_log_line_is_a_moment_in_utc_a_level_and_a_sentence_on_stderr(capsys: Capture) -> None:
    start_logging()
    logging.getLogger("exposure_bus.test").warning("%d messages did not arrive", 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING 3 messages did not arrive\n", err)


def test_details_are_said_only_when_they_are_asked_for(capsys: Capture) -> None:
    for verbose in (False, True):
        start_logging(verbose=verbose)
        logging.getLogger("exposure_bus.test").debug("a detail")
        assert ("a detail" in capsys.readouterr().err) is verbose


def test_the_broker_librarys_own_errors_are_not_said_twice(capsys: Capture) -> None:
    start_logging(verbose=True)
    logging.getLogger("pika.adapters").error("Socket failed to connect")
    assert capsys.readouterr().err == ""


def test_a_crash_keeps_its_traceback(capsys: Capture) -> None:
    start_logging()
    try:
        _ = 1 // 0
    except ZeroDivisionError:
        logging.getLogger("exposure_bus.test").exception("a mistake of ours")
    assert "ERROR a mistake of ours\nTraceback " in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_the_end_and_a_second_one_ends_at_once(number: signal.Signals) -> None:
    asked: list[bool] = []
    stop_on_signal(lambda: asked.append(True))
    os.kill(os.getpid(), number)
    assert asked == [True]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_process_that_hangs_is_ended_by_the_second_signal() -> None:
    command = (
        "import signal, sys\nfrom exposure_bus.daemon import stop_on_signal\n"
        "stop_on_signal(lambda: print('asked', flush=True))\nprint('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.stdout.readline() == b"asked\n"
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


def test_cycles_are_looked_for_less_often_and_still_are() -> None:
    before = gc.get_threshold()
    try:
        collect_rarely()
        assert gc.isenabled()
        assert gc.get_threshold() == (NEW_OBJECTS, *before[1:])
    finally:
        gc.set_threshold(*before)
