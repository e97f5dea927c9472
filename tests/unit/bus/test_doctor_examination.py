"""The examination of a host: everything is looked at, whatever one of the checks meets."""

from pathlib import Path

import pytest

from exposure_bus.doctor import Finding, Host, Outcome, examine
from exposure_bus.doctor.configuration import check_configuration
from exposure_bus.doctor.installation import check_installation
from exposure_bus.settings import NAMES, PREFIX, load_settings, setting_sources

CHECKS = """
from exposure_bus.doctor import ok
from exposure_bus.errors import DatabaseUnreachable

def well(host):
    yield ok("trial", host.settings.subscriber)

def away(host):
    yield ok("trial", "before")
    raise DatabaseUnreachable("it does not answer")

def needy(host):
    import no_such_package
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nobody has set anything."""
    for name in (*NAMES, "config"):
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def host(**flags: str) -> Host:
    return Host(settings=load_settings(flags), sources=setting_sources(flags))


@pytest.fixture
def contributed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that contributes checks."""
    information = tmp_path / "trial-1.0.dist-info"
    information.mkdir()
    lines = [
        "[exposure_bus.checks]",
        *(f"{name} = trial_checks:{name}" for name in ("away", "needy", "well")),
        "absent = no_such_side.checks:check",
    ]
    (information / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "trial_checks.py").write_text(CHECKS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("contributed")
def test_whatever_a_check_meets_becomes_a_finding_and_the_others_run_too() -> None:
    found = [(each.check, each.outcome.value, each.finding) for each in examine(host(broker_url="amqp://127.0.0.1:1"))]
    assert ("trial", "ok", "before") in found
    assert ("away", "failed", "it does not answer") in found
    assert ("needy", "failed", "no_such_package is not installed") in found
    assert ("absent", "not here", "no_such_side is not installed") in found
    assert ("trial", "ok", "qlf") in found


def test_the_sides_that_are_installed_contribute_theirs() -> None:
    checks = {each.check for each in examine(host(broker_url="amqp://127.0.0.1:1"))}
    assert {"Python", "setting broker_url", "broker 127.0.0.1:1", "exposureDB", "cache"} <= checks


def test_settings_are_shown_with_their_source_and_without_passwords(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "settings.toml"
    file.write_text('location_map = {"/data" = "/mnt/data"}\n')
    monkeypatch.setenv("EXPOSURE_BUS_CONFIG", str(file))
    monkeypatch.setenv("EXPOSURE_BUS_CACHE_URL", "postgresql://qlf:secret@db/cache")
    found = {each.check: each.finding for each in check_configuration(host(subscriber="qlf2"))}
    assert found == {
        "setting broker_url": "amqp://guest:***@127.0.0.1:5672/%2F (from: default)",
        "setting exposure_db_url": f"sqlite:///{home}/.local/share/exposure-bus/exposuredb.sqlite (from: default)",
        "setting cache_url": ("postgresql://qlf:***@db/cache (from: environment variable EXPOSURE_BUS_CACHE_URL)"),
        "setting subscriber": "qlf2 (from: flag --subscriber)",
        "setting location_map": f"/data=/mnt/data (from: {file})",
    }


def _installed(home: Path, requirements: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    """Examine an installation with requirements of a test's own."""
    information = home / "exposure_bus-7.0.dist-info"
    information.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: exposure-bus", "Version: 7.0"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requirements]
    (information / "METADATA").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(home)
    return {each.check: each for each in check_installation(host())}


def test_packages_are_shown_by_version_and_a_missing_extra_is_not_here(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = [
        "click>=8.1",
        "pika[tls]>=1.3.2; sys_platform == 'linux'",
        "msgspec; extra == 'monitor'",
        "no-such-package>=2; extra == 'publisher'",
        "msgspec; extra == 'publisher'",
        'no-such-tool; extra == "test"',
    ]
    found = _installed(home, requirements, monkeypatch)
    assert list(found) == ["Python", "exposure-bus", "packages", "extra monitor", "extra publisher"]
    assert found["exposure-bus"].finding == "7.0"
    assert found["packages"].outcome is Outcome.OK
    assert found["packages"].finding.startswith("click 8.")
    assert "pika 1." in found["packages"].finding
    assert found["extra monitor"].outcome is Outcome.OK
    assert found["extra publisher"].outcome is Outcome.NOT_HERE
    assert found["extra publisher"].finding == "no-such-package not installed"
    assert found["extra publisher"].advice == "where it is needed: pip install 'exposure-bus[publisher]'"


def test_a_missing_package_that_every_host_needs_is_a_failure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _installed(home, ["no-such-package", "click"], monkeypatch)
    assert found["packages"].outcome is Outcome.FAILED
    assert found["packages"].finding == "no-such-package not installed"


def test_a_package_counts_under_the_name_that_linux_distributions_give_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    information = home / "psycopg2-2.9.9.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: psycopg2\nVersion: 2.9.9\n")
    monkeypatch.setattr("exposure_bus.doctor.installation._SAME", {"no-such-binary": ("psycopg2",)})
    found = _installed(home, ["no-such-binary; extra == 'subscriber'"], monkeypatch)
    assert found["extra subscriber"].finding == "no-such-binary 2.9.9"
