"""``exposure-bus tap`` used wrongly, and its help."""

import subprocess
import sys

import pytest

from exposure_bus.command import main

NOWHERE = "amqp://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--match", "exposure..dark"], "the pattern 'exposure..dark' has the word ''"),
        (["--match", "exposure.SCIENCE"], "the pattern 'exposure.SCIENCE' has the word 'SCIENCE'"),
        (["--match", "a" * 256], "longer than the 255 bytes"),
        (["--from", "yesterday"], "--from 'yesterday': give now, first"),
        (["--from", "2999-01-01"], "a tap from 2999-01-01T00:00:00Z shows nothing"),
        (["--count", "0"], "0 is not in the range"),
        (["--format", "xml"], "'xml' is not one of"),
        (["--broker-url", "http://localhost"], "it must begin with amqp:// or amqps://"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_opened(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tap", "--broker-url", NOWHERE, *arguments])
    written = capsys.readouterr()
    assert ended.value.code == 2
    assert said in written.err
    assert not written.out


def test_the_help_has_examples_and_names_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tap", "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert "exposure-bus tap --match 'exposure.written.science.#'" in shown
    assert "EXPOSURE_BUS_BROKER_URL" in shown


def test_the_help_imports_neither_pika_nor_msgpack() -> None:
    script = "import sys, exposure_monitor.commands.tap; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"pika", "msgpack", "msgspec", "rich", "click"} & set(shown.stdout.split()) == {"click"}
