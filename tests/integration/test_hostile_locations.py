"""Names and locations that would make rsync or ssh do something else: refused before anything runs."""

import os
import stat
from pathlib import Path

import pytest
from tests.integration.remote_nights import exposure_of
from tests.unit.fetch.examples import fetch

from exposure_subscriber.errors import LocationRefused, SourceUnreachable

EXPID = 12345
ETC = f"etc-{EXPID:08d}.json"


def bring(url: str, dest: Path, files: dict[str, bytes]) -> None:
    fetch(exposure_of(url, EXPID, files), dest, location_map={url: url})


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The arguments of each program that stands for rsync and ssh, one a line."""
    programs, record = tmp_path / "programs", tmp_path / "record"
    programs.mkdir()
    for name in ("rsync", "ssh"):
        (programs / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {record}\nexit 1\n')
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return record


@pytest.mark.parametrize("scheme", ["rsync", "ssh"])
@pytest.mark.parametrize(
    "name", ["$(touch x).fits", "a b.fits", "a;b", "`id`", "~root", "a\\b", "*", "größe.fits", "a:b", "{a,b}", "'"]
)
def test_a_hostile_name_is_refused_before_anything_runs(name: str, scheme: str, recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(LocationRefused, match="is not asked for"):
        bring(f"{scheme}://127.0.0.1:9/data", tmp_path / "qlf", {name: b"?"})
    assert not recorded.exists()


@pytest.mark.parametrize(
    "url",
    [
        "ssh://-oProxyCommand=id/data",
        "ssh://host/$(id)",
        "ssh://-l@host/data",
        "ssh://host/~root/data",
        "rsync://host/data/../etc",
        "rsync://host/data/a b",
        "rsync://host:0/data",
        "host:-e",
        "rsync://[::1/data",
    ],
)
def test_a_hostile_location_is_refused_before_anything_runs(url: str, recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(LocationRefused):
        bring(url, tmp_path / "qlf", {ETC: b"?"})
    assert not recorded.exists()


def test_a_host_that_the_map_does_not_lead_to_is_not_asked(recorded: Path, tmp_path: Path) -> None:
    exposure = exposure_of("rsync://elsewhere/data", EXPID, {ETC: b"?"})
    with pytest.raises(LocationRefused, match="the location map leads to no folder there"):
        fetch(exposure, tmp_path / "qlf", location_map={"rsync://here/data": "rsync://here/data"})
    assert not recorded.exists()


def test_no_setting_of_the_environment_and_no_blank_changes_the_arguments(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSYNC_RSH", "touch")
    with pytest.raises(SourceUnreachable):
        bring("ssh://me@host:22/data", tmp_path / "a b", {ETC: b"?"})
    arguments = recorded.read_text().splitlines()
    assert arguments[-2:] == ["--", "me@host:/data/"]
    assert arguments[arguments.index("--rsh") + 1].startswith("ssh ")


@pytest.mark.parametrize(("scheme", "missing"), [("rsync", "rsync"), ("ssh", "ssh")])
def test_a_program_that_is_not_installed_is_named(
    scheme: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnreachable, match=rf"{missing} is not installed on this host: sudo apt-get install"):
        bring(f"{scheme}://host/data", tmp_path / "qlf", {ETC: b"?"})
