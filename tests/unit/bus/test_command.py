"""The command: how it finds its verbs, what they take, and with which code it ends."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from exposure_bus.command import main
from exposure_bus.command.main import exposure_bus
from exposure_bus.command.verbs import find_verbs
from exposure_bus.settings import NAMES, PREFIX

Capture = pytest.CaptureFixture[str]

VERBS = """
import click
from exposure_bus import errors
from exposure_bus.command.options import format_option, settings_options

@click.command()
@click.argument("name")
def fail(name):
    raise getattr(errors, name)(f"{name} for the test")

@click.command()
@click.option("--code", type=int)
def end(code):
    return code

@click.command()
@click.argument("module")
def need(module):
    raise ModuleNotFoundError(f"No module named {module!r}", name=module)

@click.command()
def interrupt():
    raise KeyboardInterrupt

@click.command()
@format_option
@settings_options("subscriber", "location_map", "broker_url")
def show(*, settings, output_format):
    click.echo([output_format, settings.subscriber, settings.location_map, settings.broker_url])

@click.command()
def flood():
    for number in range(100_000):
        click.echo(number)

nothing = "no command"
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with verbs for these tests."""
    information = tmp_path / "trial-1.0.dist-info"
    information.mkdir()
    lines = [
        f"{verb} = trial_verbs:{verb}" for verb in ("fail", "end", "need", "interrupt", "show", "flood", "nothing")
    ]
    others = ["[console_scripts]", "trial = trial:main", "[exposure_bus.verbs]", *lines, "", "[other]", "x = y:z"]
    (information / "entry_points.txt").write_text("\n".join(others))
    (tmp_path / "trial_verbs.py").write_text(VERBS)
    monkeypatch.syspath_prepend(tmp_path)
    for name in (*NAMES, "config"):
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_verbs_are_the_entry_points_of_what_is_installed() -> None:
    verbs = find_verbs()
    assert verbs["fail"] == "trial_verbs:fail"
    assert verbs["follow"] == "exposure_subscriber.commands.follow:follow"
    assert "x" not in verbs
    assert "trial" not in verbs
    assert list(verbs) == sorted(verbs)


def test_the_first_on_the_path_wins(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = installed / "again" / "other-2.0.dist-info"
    again.mkdir(parents=True)
    (again / "entry_points.txt").write_text("[exposure_bus.verbs]\nfail = other:fail\n")
    monkeypatch.syspath_prepend(again.parent)
    assert find_verbs()["fail"] == "other:fail"


def test_a_path_entry_that_is_no_folder_holds_no_verbs(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed / "absent")
    monkeypatch.syspath_prepend(installed / "trial_verbs.py")
    assert "fail" in find_verbs()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("BusError", 1),
        ("BrokerUnreachable", 1),
        ("BrokerRefused", 1),
        ("DatabaseUnreachable", 1),
        ("DatabaseRefused", 1),
        ("UsageError", 2),
        ("SettingsError", 2),
        ("NotThere", 3),
        ("Incomplete", 4),
    ],
)
def test_what_went_wrong_is_one_line_and_an_exit_code(error: str, code: int, capsys: Capture) -> None:
    assert code_of("fail", error) == code
    assert capsys.readouterr() == ("", f"exposure-bus: {error} for the test\n")


@pytest.mark.parametrize("arguments", [[], ["--code", "0"]])
def test_a_verb_that_is_done_ends_with_0(arguments: list[str]) -> None:
    assert code_of("end", *arguments) == 0


def test_a_verb_may_end_with_a_code_of_its_own() -> None:
    assert code_of("end", "--code", "4") == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], "No such command 'absent'"),
        (["end", "--code", "many"], "'many' is not a valid integer"),
        (["end", "--absent"], "No such option"),
        (["fail"], "Missing argument 'NAME'"),
        (["show", "--format", "xml"], "'xml' is not one of"),
    ],
)
def test_a_wrong_use_ends_with_2_and_says_what_was_wrong(arguments: list[str], said: str, capsys: Capture) -> None:
    assert code_of(*arguments) == 2
    assert said in capsys.readouterr().err


def test_an_interrupt_ends_as_a_shell_has_it(capsys: Capture) -> None:
    assert code_of("interrupt") == 130
    assert capsys.readouterr().err.strip() == "exposure-bus: interrupted"


@pytest.mark.parametrize(
    ("module", "extra"), [("sqlalchemy", "publisher"), ("psycopg2.extras", "publisher"), ("astropy.io", "emulator")]
)
def test_an_extra_that_is_not_installed_is_named(module: str, extra: str, capsys: Capture) -> None:
    assert code_of("need", module) == 1
    assert f"this verb needs {module}: pip install 'exposure-bus[{extra}]'" in capsys.readouterr().err


def test_a_missing_module_of_nobody_is_a_mistake_and_keeps_its_traceback() -> None:
    with pytest.raises(ModuleNotFoundError, match="antigravity2"):
        main(["need", "antigravity2"])


def test_a_verb_that_is_wrongly_installed_leaves_help_and_the_others_alone(capsys: Capture) -> None:
    assert code_of("--help") == 0
    assert "nothing" in capsys.readouterr().out
    assert code_of("end") == 0


def test_a_verb_that_names_no_command_is_said(capsys: Capture) -> None:
    assert code_of("nothing") == 1
    assert "the verb 'nothing' names 'trial_verbs:nothing', which is no command" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    command = "from exposure_bus.command import main; main(['flood'])"
    process = subprocess.Popen(
        [sys.executable, "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_version_is_that_of_the_distribution(capsys: Capture) -> None:
    assert code_of("--version") == 0
    assert capsys.readouterr().out.startswith("exposure-bus 0.")


def test_settings_come_to_a_verb_ready_from_flags_environment_and_file(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (installed / "s.toml").write_text('broker_url = "amqp://file"\nsubscriber = "file"')
    monkeypatch.setenv("EXPOSURE_BUS_SUBSCRIBER", "environment")
    flags = ["--config", str(installed / "s.toml"), "--location-map", "/a=/b", "--format", "json"]
    assert code_of("show", *flags) == 0
    assert capsys.readouterr().out == "['json', 'environment', {'/a': '/b'}, 'amqp://file']\n"


def test_a_wrong_flag_ends_with_2_and_is_named(capsys: Capture) -> None:
    assert code_of("show", "--broker-url", "http://x") == 2
    assert capsys.readouterr().err.startswith("exposure-bus: broker_url from flag --broker-url is 'http://x': ")


def test_help_tells_of_every_verb_of_ours_and_names_those_of_others(capsys: Capture) -> None:
    assert code_of("--help") == 0
    ours, also, others = capsys.readouterr().out.partition("Also installed:")
    assert "Examples:" in ours
    assert also
    for verb in find_verbs():
        if verb in OURS:
            assert re.search(rf"^    {verb} +[A-Z].*\.$", ours, re.MULTILINE), f"--help does not tell of {verb}"
        else:
            assert verb in others


OURS = [verb for verb in find_verbs() if "trial" not in verb]


@pytest.mark.parametrize("verb", OURS)
def test_each_verb_explains_itself_with_examples_and_its_settings_environment_twins(verb: str, capsys: Capture) -> None:
    assert code_of(verb, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Usage: exposure-bus {verb} " in shown
    assert "Examples: exposure-bus " in shown
    command = exposure_bus.get_command(click.Context(exposure_bus), verb)
    assert command is not None
    taken = {option.name for option in command.params} & {*NAMES, "config"}
    assert [name for name in taken if name and f"[env: {PREFIX}{name.upper()}]" not in shown] == []


def test_help_imports_neither_databases_nor_the_broker_nor_settings() -> None:
    """The listing of all verbs imports the module of each."""
    command = (
        "import sys, json\nfrom exposure_bus.command import main\ntry:\n  main(['--help'])\n"
        "except SystemExit:\n  print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    heavy = {"pika", "sqlalchemy", "psycopg2", "sqlite3", "msgspec", "rich", "astropy", "importlib.metadata", "shutil"}
    assert heavy & set(json.loads(ended.stderr)) == set()
