"""Files from an rsync daemon: a real one, which dies, is cut off, and serves what changes under it."""

import os
import signal
import subprocess
import sys
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

from exposure_subscriber.errors import FetchError, LocationRefused, Mismatch, SourceUnreachable
from private_servers import RsyncDaemon, children

ROOT = Path(__file__).parents[2]
EXPIDS = (12345, 12346, 12347)
EXPID = EXPIDS[0]
SPECTRO = LARGE.format(expid=EXPID)
ETC = f"etc-{EXPID:08d}.json"
SIZE = 6 * 2**20 + 7
MIDDLE = 4 * 2**20


@pytest.fixture
def served() -> Iterator[Path]:
    with readable_folder() as folder:
        yield folder


@pytest.fixture
def daemon(served: Path, tmp_path: Path) -> Iterator[RsyncDaemon]:
    with RsyncDaemon(tmp_path / "daemon", served) as server:
        yield server


@pytest.fixture
def folder(served: Path) -> Path:
    """The folder of one exposure, with a large file that takes a while."""
    return write_night(served, (EXPID,), large=SIZE)[EXPID]


@pytest.fixture
def files(folder: Path) -> dict[str, bytes]:
    """What is in it, but for its checksum file."""
    return {name: (folder / name).read_bytes() for name in night_files(EXPID, SIZE)}


def url_of(daemon: RsyncDaemon, expid: int = EXPID, *, port: int | None = None) -> str:
    return f"rsync://{daemon.host}:{port or daemon.port}/data/{NIGHT}/{expid:08d}"


def bring(url: str, dest: Path, files: dict[str, bytes] | None, *, hashed: bool = True, **how: object) -> None:
    fetch(exposure_of(url, EXPID, files, hashed=hashed), dest, location_map={url: url}, **how)  # type: ignore[arg-type] # passed on


def test_a_night_comes_as_its_checksum_files_say(daemon: RsyncDaemon, served: Path, tmp_path: Path) -> None:
    for expid, source in write_night(served, EXPIDS).items():
        fetch(exposure_of(str(source), expid, None), tmp_path / str(expid), location_map={str(served): daemon.url})
        assert_checksums_agree(tmp_path / str(expid), expid)
        assert contents(tmp_path / str(expid)) == contents(source)


def test_times_come_to_the_nanosecond(daemon: RsyncDaemon, folder: Path, tmp_path: Path) -> None:
    bring(url_of(daemon), tmp_path / "qlf", None)
    assert {path.stat().st_mtime_ns for path in (tmp_path / "qlf").glob("desi-*")} == {
        (folder / SPECTRO).stat().st_mtime_ns
    }


def test_what_stands_there_already_is_not_sent_again(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    bring(url_of(daemon), tmp_path / "qlf", files)
    before = dict(daemon.sent)
    assert set(before) == {f"{NIGHT}/{EXPID:08d}/{name}" for name in files}
    bring(url_of(daemon), tmp_path / "qlf", files)
    assert daemon.sent == before


def test_without_a_checksum_what_stands_there_is_compared_with_what_would_come(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    bring(url_of(daemon), tmp_path / "qlf", files, hashed=False)
    bring(url_of(daemon), tmp_path / "qlf", files, hashed=False, overwrite=False)
    (tmp_path / "qlf" / SPECTRO).write_bytes(b"other")
    with pytest.raises(FetchError, match=f"{SPECTRO} differs"):
        bring(url_of(daemon), tmp_path / "qlf", files, hashed=False, overwrite=False)


def test_after_a_cut_in_the_middle_only_the_rest_is_sent(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    with Relay(daemon.port, limit=MIDDLE, then=Relay.close) as relay, pytest.raises(SourceUnreachable, match=SPECTRO):
        bring(url_of(daemon, port=relay.port), tmp_path / "qlf", files, jobs=1)
    (part,) = parts(tmp_path / "qlf")
    held = part.stat().st_size
    assert held > 2**20
    with Relay(daemon.port) as relay:
        bring(url_of(daemon, port=relay.port), tmp_path / "qlf", files)
    assert relay.passed < SIZE - held + 64 * 1024
    assert contents(tmp_path / "qlf") == files


def test_what_is_held_wrongly_is_found_out_and_begun_anew(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    with Relay(daemon.port, limit=MIDDLE, then=Relay.close) as relay, pytest.raises(SourceUnreachable):
        bring(url_of(daemon, port=relay.port), tmp_path / "qlf", files, jobs=1)
    (part,) = parts(tmp_path / "qlf")
    with part.open("r+b") as held:
        held.write(b"damaged")
    bring(url_of(daemon), tmp_path / "qlf", files)
    assert contents(tmp_path / "qlf") == files


def test_a_daemon_that_is_killed_in_the_middle_leaves_no_final_name_and_nothing_in_the_end(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    def kill(relay: Relay) -> None:
        daemon.kill()
        relay.close()

    large = {SPECTRO: files[SPECTRO]}
    with Relay(daemon.port, limit=MIDDLE, then=kill) as relay:
        with pytest.raises(SourceUnreachable, match=SPECTRO):
            bring(url_of(daemon, port=relay.port), tmp_path / "qlf", large)
        assert not daemon.running
    assert finished(tmp_path / "qlf") == set()
    with pytest.raises(SourceUnreachable, match=r"Connection refused.*does an rsync daemon run there"):
        bring(url_of(daemon), tmp_path / "qlf", large)
    daemon.start()
    bring(url_of(daemon), tmp_path / "qlf", large)
    assert contents(tmp_path / "qlf") == large


def test_what_rsync_still_writes_after_its_fetch_was_killed_is_left_alone(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    destination = tmp_path / "qlf"
    with Relay(daemon.port, limit=MIDDLE) as relay:
        orphans = killed_in_the_middle(relay, url_of(daemon, port=relay.port), destination)
        assert SPECTRO not in finished(destination)
        (written,) = parts(destination)
        bring(url_of(daemon), destination, files)
        assert all(map(children.is_alive, orphans))
        assert parts(destination) == [written]
        assert {name: (destination / name).read_bytes() for name in finished(destination)} == files
    wait_until(lambda: not any(map(children.is_alive, orphans)), "the end of rsync")
    bring(url_of(daemon), destination, files)
    assert contents(destination) == files


def test_a_fetch_that_is_interrupted_does_not_wait_for_a_silent_server(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    destination = tmp_path / "qlf"
    with Relay(daemon.port, limit=MIDDLE) as relay:
        with fetching(url_of(daemon, port=relay.port), destination) as process:
            assert relay.reached.wait(30)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) != 0  # rsync itself gives a silent server up after 60 s
        assert SPECTRO not in finished(destination)
    bring(url_of(daemon), destination, files)
    assert contents(destination) == files


def fetching(url: str, destination: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.integration.fetching_remotely", url, str(EXPID), str(destination)]
    return subprocess.Popen([*command, str(SIZE)], cwd=ROOT, stderr=subprocess.DEVNULL)


def killed_in_the_middle(relay: Relay, url: str, destination: Path) -> list[psutil.Process]:
    """Kill a process that fetches when no more comes through, and return what it leaves running."""
    with fetching(url, destination) as process:
        assert relay.reached.wait(30)
        orphans = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert orphans
    return orphans


def test_a_fetch_that_is_given_up_leaves_no_rsync_running(
    daemon: RsyncDaemon, files: dict[str, bytes], tmp_path: Path
) -> None:
    def give_up(_count: int) -> None:
        raise KeyboardInterrupt

    large = {SPECTRO: files[SPECTRO]}

    with Relay(daemon.port, limit=MIDDLE) as relay, pytest.raises(KeyboardInterrupt):
        bring(url_of(daemon, port=relay.port), tmp_path / "qlf", large, progress=give_up)
    assert not [child for child in psutil.Process().children() if child.name() == "rsync" and child.pid != daemon.pid]


def test_a_file_that_is_shorter_at_the_source_is_no_match(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    os.truncate(folder / SPECTRO, MIDDLE)
    with pytest.raises(Mismatch, match=f"has {MIDDLE} bytes instead of {SIZE}, read twice"):
        bring(url_of(daemon), tmp_path / "qlf", files)
    assert SPECTRO not in finished(tmp_path / "qlf")


def test_a_file_that_is_longer_at_the_source_is_no_match(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    os.truncate(folder / SPECTRO, 2 * SIZE)
    with pytest.raises(Mismatch, match=f"is longer than the {SIZE} bytes"):
        bring(url_of(daemon), tmp_path / "qlf", files)


def test_a_file_that_is_cut_off_while_it_is_copied_gets_no_final_name(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    def cut_off(relay: Relay) -> None:
        os.truncate(folder / SPECTRO, MIDDLE)
        relay.close()

    large = {SPECTRO: files[SPECTRO]}
    with Relay(daemon.port, limit=MIDDLE, then=cut_off) as relay, pytest.raises(SourceUnreachable):
        bring(url_of(daemon, port=relay.port), tmp_path / "qlf", large, hashed=False)
    with pytest.raises(Mismatch):
        bring(url_of(daemon), tmp_path / "qlf", large, hashed=False)
    assert finished(tmp_path / "qlf") == set()


def test_a_file_that_is_replaced_while_it_is_copied_is_copied_anew(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    later = files | {SPECTRO: files[SPECTRO][::-1]}

    def replace(_count: int) -> None:
        if (folder / SPECTRO).read_bytes() != later[SPECTRO]:
            (folder / "new").write_bytes(later[SPECTRO])
            os.utime(folder / "new", (1, 1))
            (folder / "new").rename(folder / SPECTRO)

    large = {SPECTRO: files[SPECTRO]}
    bring(url_of(daemon), tmp_path / "qlf", large, hashed=False, progress=replace)
    assert contents(tmp_path / "qlf") == {SPECTRO: later[SPECTRO]}
    assert (tmp_path / "qlf" / SPECTRO).stat().st_mtime == 1


def test_a_file_that_is_damaged_after_its_manifest_goes_to_quarantine(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    damaged = files[SPECTRO][:-1] + b"?"
    (folder / SPECTRO).write_bytes(damaged)
    with pytest.raises(Mismatch, match=f"{SPECTRO} has SHA-256"):
        bring(url_of(daemon), tmp_path / "qlf", files)
    assert finished(tmp_path / "qlf") == set(files) - {SPECTRO}
    assert (tmp_path / "qlf" / ".quarantine" / SPECTRO / "copy").read_bytes() == damaged


def test_a_file_that_is_gone_is_named(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    (folder / ETC).unlink()
    with pytest.raises(SourceUnreachable, match=f"cannot read {url_of(daemon)}/{ETC}: there is no such file"):
        bring(url_of(daemon), tmp_path / "qlf", files)


def test_a_file_that_the_daemon_may_not_read_is_named(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    (folder / ETC).chmod(0)
    with pytest.raises(SourceUnreachable, match=rf"{ETC}: .*Permission denied.*may the server read it"):
        bring(url_of(daemon), tmp_path / "qlf", files)
    assert ETC not in finished(tmp_path / "qlf")


def test_a_folder_in_place_of_a_file_is_refused(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    (folder / ETC).unlink()
    (folder / ETC).mkdir()
    with pytest.raises(SourceUnreachable, match=f"{ETC} is not a regular file"):
        bring(url_of(daemon), tmp_path / "qlf", files)


def test_a_symbolic_link_is_not_followed(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    (folder / ETC).rename(folder / "elsewhere")
    (folder / ETC).symlink_to("elsewhere")
    with pytest.raises(LocationRefused, match=f"{ETC} is a symbolic link"):
        bring(url_of(daemon), tmp_path / "qlf", files)


def test_a_link_that_takes_the_place_of_a_file_meanwhile_is_not_followed(
    daemon: RsyncDaemon, folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    def put_link(_count: int) -> None:
        if not (folder / SPECTRO).is_symlink():
            (folder / SPECTRO).unlink()
            (folder / SPECTRO).symlink_to(ETC)

    with pytest.raises(SourceUnreachable, match=f"{SPECTRO} is not a regular file any more"):
        bring(url_of(daemon), tmp_path / "qlf", files, progress=put_link, jobs=1)


def test_what_else_lies_in_the_folder_is_passed_over(daemon: RsyncDaemon, folder: Path, tmp_path: Path) -> None:
    for name in (f"a b-{SPECTRO}", f"new\nline-{SPECTRO}", f".{SPECTRO}.part", f"{SPECTRO}.orig", "größe.fits"):
        (folder / name).write_bytes(b"?")
    bring(url_of(daemon), tmp_path / "qlf", None)
    assert_checksums_agree(tmp_path / "qlf", EXPID)
    assert finished(tmp_path / "qlf") == {*night_files(EXPID, 0), f"checksum-{EXPID:08d}.sha256sum"}


@pytest.mark.parametrize(
    ("path", "says"),
    [("other/00012345", "Unknown module 'other'"), ("data/nowhere", "No such file or directory"), ("", "no module")],
)
def test_a_location_that_is_not_there_is_named(daemon: RsyncDaemon, path: str, says: str, tmp_path: Path) -> None:
    url = f"rsync://{daemon.host}:{daemon.port}/{path}"
    with pytest.raises(FetchError, match=says) as caught:
        bring(url, tmp_path / "qlf", None)
    assert url.rstrip("/") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_password_is_taken_from_the_environment_and_never_asked_for(
    served: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RsyncDaemon(tmp_path / "daemon", served, password="of the night") as daemon:
        location = f"{daemon.url}/{NIGHT}/{EXPID:08d}"
        with pytest.raises(SourceUnreachable, match=r"auth failed.*RSYNC_PASSWORD"):
            bring(location, tmp_path / "qlf", None)
        monkeypatch.setenv("RSYNC_PASSWORD", "of the night")
        bring(location, tmp_path / "qlf", None)
    assert contents(tmp_path / "qlf") == contents(folder)
