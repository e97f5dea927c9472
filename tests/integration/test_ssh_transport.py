"""Files by rsync over ssh: a real SSH server, whose key may read one folder by rsync alone."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.integration.remote_nights import (
    LARGE,
    assert_checksums_agree,
    exposure_of,
    finished,
    night_files,
    parts,
    readable_folder,
    write_night,
)
from tests.relaying import Relay
from tests.unit.fetch.examples import NIGHT, contents, fetch
from tests.waiting import wait_until

from exposure_subscriber.errors import LocationRefused, Mismatch, SourceUnreachable
from private_servers import SSHServer, children

EXPIDS = (12345, 12346, 12347)
EXPID = EXPIDS[0]
SPECTRO = LARGE.format(expid=EXPID)
ETC = f"etc-{EXPID:08d}.json"
SIZE = 6 * 2**20 + 7
MIDDLE = 4 * 2**20


@pytest.fixture(scope="module")
def served() -> Iterator[Path]:
    with readable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def sshd(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SSHServer]:
    with SSHServer(tmp_path_factory.mktemp("sshd"), served) as server:
        yield server


@pytest.fixture(autouse=True)
def _ssh_as_set_up(sshd: SSHServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ssh` know the server and the key, as a user's ~/.ssh/config would: root's is not found by way of HOME."""
    sshd.start()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {sshd.client_settings} "$@"\n')
    (programs / "ssh").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the shared connection is kept, empty; a socket's path may not be as long as a test's."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def folder(served: Path) -> Path:
    """The folder of one exposure, with a large file that takes a while."""
    return write_night(served, (EXPID,), large=SIZE)[EXPID]


@pytest.fixture
def files(folder: Path) -> dict[str, bytes]:
    """What is in it, but for its checksum file."""
    return {name: (folder / name).read_bytes() for name in night_files(EXPID, SIZE)}


def url_of(sshd: SSHServer, path: str = f"{NIGHT}/{EXPID:08d}", *, port: int | None = None) -> str:
    url = f"{sshd.url}/{path}"
    return url.replace(f":{sshd.port}", f":{port}") if port else url


def bring(url: str, dest: Path, files: dict[str, bytes] | None, **how: object) -> None:
    fetch(exposure_of(url, EXPID, files), dest, location_map={url: url}, **how)  # type: ignore[arg-type] # passed on


def connections(sshd: SSHServer) -> int:
    """How often somebody has got in."""
    return sshd.log.read_text().count("Accepted publickey")


def ssh_processes(sshd: SSHServer) -> list[psutil.Process]:
    """Every ssh that was started with the server's settings and still runs."""
    found = [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"]]
    return [process for process in found if str(sshd.client_settings) in " ".join(process.info["cmdline"])]


def test_a_night_comes_as_its_checksum_files_say(sshd: SSHServer, served: Path, tmp_path: Path) -> None:
    for expid, source in write_night(served, EXPIDS).items():
        fetch(exposure_of(str(source), expid, None), tmp_path / str(expid), location_map={str(served): sshd.url})
        assert_checksums_agree(tmp_path / str(expid), expid)
        assert contents(tmp_path / str(expid)) == contents(source)


def test_all_files_share_one_connection_which_is_closed_in_the_end(
    sshd: SSHServer, files: dict[str, bytes], temporary: Path, tmp_path: Path
) -> None:
    before = connections(sshd)
    bring(url_of(sshd), tmp_path / "qlf", files, jobs=2)
    assert contents(tmp_path / "qlf") == files
    assert connections(sshd) == before + 1
    wait_until(lambda: not ssh_processes(sshd), "the end of the shared connection")
    assert list(temporary.iterdir()) == []


def test_where_temporary_files_have_too_long_a_path_each_file_has_its_own_connection(
    sshd: SSHServer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    before = connections(sshd)
    bring(url_of(sshd), tmp_path / "qlf", {ETC: (folder / ETC).read_bytes()})
    assert connections(sshd) == before + 2
    assert finished(tmp_path / "qlf") == {ETC}


def test_rsyncs_own_spelling_of_a_location_leads_to_the_same(sshd: SSHServer, folder: Path, tmp_path: Path) -> None:
    exposure = exposure_of(f"ics.example.org:/data/{EXPID:08d}", EXPID, None)
    where = url_of(sshd, f"~/{NIGHT}")
    fetch(exposure, tmp_path / "qlf", location_map={"ics.example.org:/data": where})
    assert contents(tmp_path / "qlf") == contents(folder)


def test_after_a_cut_in_the_middle_only_the_rest_is_sent(
    sshd: SSHServer, files: dict[str, bytes], tmp_path: Path
) -> None:
    with Relay(sshd.port, limit=MIDDLE, then=Relay.close) as relay, pytest.raises(SourceUnreachable, match=SPECTRO):
        bring(url_of(sshd, port=relay.port), tmp_path / "qlf", files, jobs=1)
    assert SPECTRO not in finished(tmp_path / "qlf")
    (part,) = parts(tmp_path / "qlf")
    held = part.stat().st_size
    assert held > 2**20
    with Relay(sshd.port) as relay:
        bring(url_of(sshd, port=relay.port), tmp_path / "qlf", files)
    assert relay.passed < SIZE - held + 128 * 1024
    assert contents(tmp_path / "qlf") == files


def test_a_server_that_is_killed_in_the_middle_leaves_no_final_name_and_nothing_in_the_end(
    sshd: SSHServer, files: dict[str, bytes], tmp_path: Path
) -> None:
    def kill(relay: Relay) -> None:
        sshd.kill()
        relay.close()

    large = {SPECTRO: files[SPECTRO]}
    with Relay(sshd.port, limit=MIDDLE, then=kill) as relay, pytest.raises(SourceUnreachable, match=SPECTRO):
        bring(url_of(sshd, port=relay.port), tmp_path / "qlf", large)
    assert not sshd.running
    assert finished(tmp_path / "qlf") == set()
    with pytest.raises(SourceUnreachable, match=r"Connection refused: .*without being asked anything"):
        bring(url_of(sshd), tmp_path / "qlf", large)
    sshd.start()
    bring(url_of(sshd), tmp_path / "qlf", large)
    assert contents(tmp_path / "qlf") == large


def test_a_fetch_that_is_given_up_leaves_nothing_running(
    sshd: SSHServer, files: dict[str, bytes], temporary: Path, tmp_path: Path
) -> None:
    def give_up(_count: int) -> None:
        raise KeyboardInterrupt

    large = {SPECTRO: files[SPECTRO]}

    with Relay(sshd.port, limit=MIDDLE) as relay, pytest.raises(KeyboardInterrupt):
        bring(url_of(sshd, port=relay.port), tmp_path / "qlf", large, progress=give_up)
    assert not [child for child in children.family(os.getpid()) if child.name() == "rsync"]
    wait_until(lambda: not ssh_processes(sshd), "the end of the shared connection")
    assert list(temporary.iterdir()) == []


def test_a_file_that_is_damaged_after_its_manifest_goes_to_quarantine(
    sshd: SSHServer, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    (folder / SPECTRO).write_bytes(files[SPECTRO][:-1] + b"?")
    with pytest.raises(Mismatch, match=f"{SPECTRO} has SHA-256"):
        bring(url_of(sshd), tmp_path / "qlf", files)
    assert finished(tmp_path / "qlf") == set(files) - {SPECTRO}
    assert (tmp_path / "qlf" / ".quarantine" / SPECTRO / "copy").exists()


def test_a_file_that_is_shorter_at_the_source_is_no_match(
    sshd: SSHServer, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    os.truncate(folder / SPECTRO, MIDDLE)
    with pytest.raises(Mismatch, match=f"has {MIDDLE} bytes instead of {SIZE}"):
        bring(url_of(sshd), tmp_path / "qlf", files)


def test_a_file_that_is_gone_is_named(sshd: SSHServer, folder: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    (folder / ETC).unlink()
    with pytest.raises(SourceUnreachable, match=f"{ETC}: there is no such file"):
        bring(url_of(sshd), tmp_path / "qlf", files)


def test_a_symbolic_link_is_not_followed(
    sshd: SSHServer, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    (folder / ETC).unlink()
    (folder / ETC).symlink_to("/etc/passwd")
    with pytest.raises(LocationRefused, match=f"{ETC} is a symbolic link"):
        bring(url_of(sshd), tmp_path / "qlf", files)
    (folder / ETC).unlink()


def test_a_folder_that_is_not_there_is_named(sshd: SSHServer, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=f"cannot read {url_of(sshd, 'nowhere')}: .*No such file"):
        bring(url_of(sshd, "nowhere"), tmp_path / "qlf", None)


def test_the_restricted_key_reads_its_folder_alone(sshd: SSHServer, folder: Path, tmp_path: Path) -> None:
    assert folder.exists()
    with pytest.raises(SourceUnreachable):
        bring(url_of(sshd, "etc"), tmp_path / "qlf", None)
    told = subprocess.run(
        ["ssh", "-o", "BatchMode=yes", "-p", str(sshd.port), sshd.host, "id"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode != 0
    assert "uid=" not in told.stdout


def test_a_setting_that_the_restricted_key_would_not_let_through_is_not_passed_on(
    sshd: SSHServer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSYNC_PROTECT_ARGS", "1")
    bring(url_of(sshd), tmp_path / "qlf", {ETC: (folder / ETC).read_bytes()})
    assert finished(tmp_path / "qlf") == {ETC}


def test_a_server_that_is_not_known_is_not_trusted(sshd: SSHServer, folder: Path, tmp_path: Path) -> None:
    assert folder.exists()
    strangers = tmp_path / "strangers"
    strangers.write_text("")
    wrapper = tmp_path / "programs" / "ssh"
    known = f"-F {sshd.client_settings} -o UserKnownHostsFile={strangers} -o GlobalKnownHostsFile={strangers}"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {known} "$@"\n')
    with pytest.raises(SourceUnreachable, match="No ED25519 host key is known for private"):
        bring(url_of(sshd), tmp_path / "qlf", None)


def test_a_key_that_is_not_let_in_is_told_and_nothing_is_asked(sshd: SSHServer, folder: Path, tmp_path: Path) -> None:
    assert folder.exists()
    wrapper = tmp_path / "programs" / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {sshd.client_settings} -o PubkeyAuthentication=no "$@"\n')
    with pytest.raises(SourceUnreachable, match=r"Permission denied \(publickey\)"):
        bring(url_of(sshd), tmp_path / "qlf", None)
