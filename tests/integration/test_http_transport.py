"""Files from a web server: brought whole or not at all, and from nowhere but where the location map leads."""

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.http_server import HttpServer
from tests.raw_exposures import trees_agree, write_exposure
from tests.unit.fetch.examples import (
    CHECKSUM,
    ETC,
    FILES,
    SPECTRO,
    contents,
    exposure_at,
    fetch,
    manifest_of,
    sha256,
    write,
)

from exposure_schemas import Exposure, ManifestFile
from exposure_subscriber.errors import FileClassMissing, LocationRefused, Mismatch, SourceUnreachable
from exposure_subscriber.fetch import FilePath
from exposure_subscriber.fetch.url import http_store

ROOT = Path(__file__).parents[2]
LARGE = FILES[SPECTRO] * 2
"""Large enough for what an interrupted fetch leaves to be worth going on with."""
CUT = 2_000_000
WHOLE = {SPECTRO: LARGE}
LISTED = exposure_at("/raw/exposure", manifest_of(WHOLE))
UNHASHED = exposure_at("/raw/exposure", manifest_of(WHOLE, hashed=False))


@pytest.fixture(autouse=True)
def no_settings_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpServer]:
    write(tmp_path / "ics" / "exposure", WHOLE)
    with HttpServer(tmp_path / "ics") as started:
        yield started


def bring(server: HttpServer, exposure: Exposure, dest: Path, **how: Any) -> FilePath:
    return fetch(exposure, dest, location_map={"/raw": server.url}, **how)


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_night_without_manifests_is_brought_and_sha256sum_agrees(server: HttpServer, tmp_path: Path) -> None:
    for expid in (101, 102, 103):
        folder = write_exposure(server.folder, expid)
        here = tmp_path / "qlf" / folder.relative_to(server.folder)
        exposure = Exposure(
            **{name: getattr(LISTED, name) for name in LISTED.__struct_fields__}
            | {"expid": expid, "night": 20230913, "data_location": f"/raw/20230913/{expid:08d}", "files": None}
        )
        brought = bring(server, exposure, here)
        subprocess.run(["sha256sum", "--check", "--strict", f"checksum-{expid:08d}.sha256sum"], cwd=here, check=True)
        assert {file.name: file.sha256 for file in brought.files} == {
            path.name: sha256(path.read_bytes()) for path in folder.iterdir()
        }
    assert trees_agree(tmp_path / "qlf" / "20230913", server.folder / "20230913")


def test_with_a_manifest_no_index_page_is_asked_for(server: HttpServer, tmp_path: Path) -> None:
    server.faults.index = "<html>"
    bring(server, LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE
    assert {asked.target for asked in server.asked} == {f"/exposure/{SPECTRO}"}


def test_a_file_keeps_the_time_that_the_server_tells(server: HttpServer, tmp_path: Path) -> None:
    os.utime(server.folder / "exposure" / SPECTRO, (1e9, 1e9))
    bring(server, LISTED, tmp_path / "qlf")
    assert (tmp_path / "qlf" / SPECTRO).stat().st_mtime == 1e9


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_server_that_tells_no_time_will_do(date: str | None, server: HttpServer, tmp_path: Path) -> None:
    server.faults.headers = {"Last-Modified": date, "ETag": None}
    bring(server, UNHASHED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE


def test_many_files_share_a_connection_for_each_that_is_read_at_once(server: HttpServer, tmp_path: Path) -> None:
    many = {f"desi-{number}.fits": os.urandom(1000) for number in range(20)}
    write(server.folder / "exposure", many)
    bring(server, exposure_at("/raw/exposure", manifest_of(many)), tmp_path / "qlf", jobs=2)
    assert contents(tmp_path / "qlf") == many
    assert len({asked.connection for asked in server.asked}) <= 2


def cut_short(server: HttpServer, dest: Path) -> int:
    """Fetch until the connection breaks in the middle of the file; return how many bytes are there then."""
    server.faults.cut_after = CUT
    with pytest.raises(SourceUnreachable, match=f"cannot read {server.url}/exposure/{SPECTRO}: .*[Ii]ncomplete"):
        bring(server, LISTED, dest)
    (left,) = leftovers(dest)
    assert contents(dest) == {left.name: LARGE[: left.stat().st_size]}
    server.faults.cut_after = None
    server.asked.clear()
    return left.stat().st_size


def test_what_was_cut_in_mid_file_goes_on_with_the_rest_only(server: HttpServer, tmp_path: Path) -> None:
    held = cut_short(server, tmp_path / "qlf")
    assert 0 < held <= CUT
    bring(server, LISTED, tmp_path / "qlf")
    assert server.ranges(SPECTRO) == [f"bytes={held}-"]
    assert contents(tmp_path / "qlf") == WHOLE


def test_a_server_without_ranges_sends_all_and_what_is_there_is_passed_over(server: HttpServer, tmp_path: Path) -> None:
    cut_short(server, tmp_path / "qlf")
    server.faults.ranges = False
    bring(server, LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE


def test_another_range_than_the_one_asked_for_is_not_used(server: HttpServer, tmp_path: Path) -> None:
    held = cut_short(server, tmp_path / "qlf")
    server.faults.shift = 1
    with pytest.raises(SourceUnreachable, match=f"from byte {held} was asked, and 'bytes {held + 1}-"):
        bring(server, LISTED, tmp_path / "qlf")
    server.faults.shift = 0
    bring(server, LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE


def test_what_was_cut_and_is_shorter_now_is_no_file(server: HttpServer, tmp_path: Path) -> None:
    cut_short(server, tmp_path / "qlf")
    write(server.folder / "exposure", {SPECTRO: LARGE[:1000]})
    with pytest.raises(Mismatch, match=f"has 1000 bytes instead of {len(LARGE)}"):
        bring(server, LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (LARGE[:-1], f"has {len(LARGE) - 1} bytes instead of"),
        (LARGE + b"!", "is longer than"),
        (b"!" + LARGE[1:], "has SHA-256"),
    ],
    ids=["cut short", "too long", "a byte is wrong"],
)
def test_wrong_bytes_go_to_quarantine(wrong: bytes, words: str, server: HttpServer, tmp_path: Path) -> None:
    write(server.folder / "exposure", {SPECTRO: wrong})
    with pytest.raises(Mismatch, match=words):
        bring(server, LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {}
    assert (tmp_path / "qlf" / ".quarantine" / SPECTRO / "copy").read_bytes() == wrong


def test_a_file_that_changes_while_it_is_copied_is_read_again(server: HttpServer, tmp_path: Path) -> None:
    replaced: list[int] = []

    def replace_once(count: int) -> None:
        if not replaced:
            write(tmp_path / "new", {SPECTRO: LARGE[::-1]})
            (tmp_path / "new" / SPECTRO).replace(server.folder / "exposure" / SPECTRO)
        replaced.append(count)

    bring(server, UNHASHED, tmp_path / "qlf", progress=replace_once)
    assert contents(tmp_path / "qlf") == {SPECTRO: LARGE[::-1]}
    assert min(replaced) == -len(LARGE)


def test_a_file_that_keeps_changing_is_never_taken_for_whole(server: HttpServer, tmp_path: Path) -> None:
    times = iter(range(1, 1000))

    def touch(_count: int) -> None:
        os.utime(server.folder / "exposure" / SPECTRO, (1, next(times)))

    with pytest.raises(Mismatch, match="changed while it was read"):
        bring(server, UNHASHED, tmp_path / "qlf", progress=touch)
    assert contents(tmp_path / "qlf") == {}


def test_a_file_that_is_deleted_between_two_is_not_there(server: HttpServer, tmp_path: Path) -> None:
    files = {ETC: FILES[ETC], **WHOLE}
    write(server.folder / "exposure", files)

    def delete(_count: int) -> None:
        (server.folder / "exposure" / SPECTRO).unlink(missing_ok=True)

    with pytest.raises(SourceUnreachable, match=f"{SPECTRO} is not there: the server answers 404 Not Found"):
        bring(server, exposure_at("/raw/exposure", manifest_of(files)), tmp_path / "qlf", progress=delete, jobs=1)
    assert contents(tmp_path / "qlf") == {ETC: FILES[ETC]}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "reading URL is not allowed: the server answers 401 Unauthorized"),
        (403, "reading URL is not allowed: the server answers 403 Forbidden"),
        (404, "URL is not there: the server answers 404 Not Found"),
        (410, "URL is not there: the server answers 410 Gone"),
        (500, "cannot read URL: the server answers 500 Internal Server Error"),
        (503, "cannot read URL: the server answers 503 Service Unavailable"),
        (799, "cannot read URL: the server answers 799"),
    ],
)
def test_a_server_that_does_not_serve_is_named_with_its_answer(
    status: int, words: str, server: HttpServer, tmp_path: Path
) -> None:
    server.faults.status = status
    with pytest.raises(SourceUnreachable) as caught:
        bring(server, LISTED, tmp_path / "qlf")
    assert str(caught.value) == words.replace("URL", f"{server.url}/exposure/{SPECTRO}")
    assert contents(tmp_path / "qlf") == {}


def test_a_folder_that_is_not_there_is_named(server: HttpServer, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=f"^{server.url}/nowhere/ is not there"):
        bring(server, exposure_at("/raw/nowhere", None), tmp_path / "qlf")


def test_a_server_that_does_not_tell_the_length_is_refused(server: HttpServer, tmp_path: Path) -> None:
    server.faults.headers = {"Content-Length": None}
    with pytest.raises(SourceUnreachable, match="does not tell how long it is"):
        bring(server, LISTED, tmp_path / "qlf")


def test_a_server_that_dies_in_mid_file_leaves_nothing_under_a_final_name(server: HttpServer, tmp_path: Path) -> None:
    server.faults.hold_after = CUT
    killer = server.kill_in_mid_file()
    with pytest.raises(SourceUnreachable, match=f"cannot read {server.url}/exposure/{SPECTRO}: "):
        bring(server, LISTED, tmp_path / "qlf")
    killer.join()
    assert [path.name for path in leftovers(tmp_path / "qlf")] == list(contents(tmp_path / "qlf"))
    with HttpServer(server.folder) as again:
        bring(again, LISTED, tmp_path / "qlf")
        assert again.ranges(SPECTRO) != [None]
    assert contents(tmp_path / "qlf") == WHOLE


def test_a_server_that_falls_silent_in_mid_file_is_given_up(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_store, "SILENCE", 0.2)
    server.faults.hold_after = CUT
    with pytest.raises(SourceUnreachable, match=f"{SPECTRO}: the server has been silent for 0.2 s"):
        bring(server, LISTED, tmp_path / "qlf")
    assert SPECTRO not in contents(tmp_path / "qlf")


def test_a_server_that_is_not_running_is_named(server: HttpServer, tmp_path: Path) -> None:
    server.kill()
    with pytest.raises(SourceUnreachable, match=f"^cannot read {server.url}/exposure/{SPECTRO}: Connection refused$"):
        bring(server, LISTED, tmp_path / "qlf")


def test_a_host_that_nobody_knows_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceUnreachable, match=r"^cannot read http://ics\.invalid/.*: Name or service not known$"):
        fetch(LISTED, tmp_path / "qlf", location_map={"/raw": "http://ics.invalid"})


def test_something_that_is_no_web_server_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 ftp ready\r\n\r\n")

        greeter = threading.Thread(target=greet)
        greeter.start()
        with pytest.raises(SourceUnreachable, match=r"^cannot read http://127\.0\.0\.1:.*220 ftp ready") as caught:
            fetch(LISTED, tmp_path / "qlf", location_map={"/raw": f"http://127.0.0.1:{listening.getsockname()[1]}"})
        greeter.join()
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def https_server(tmp_path: Path) -> Iterator[HttpServer]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    write(tmp_path / "ics" / "exposure", WHOLE)
    with HttpServer(tmp_path / "ics", context) as started:
        yield started


def test_https_is_read_where_the_host_trusts_the_certificate(
    https_server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    bring(https_server, LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE


def test_a_certificate_that_nobody_vouches_for_is_refused(https_server: HttpServer, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=f"^cannot read {https_server.url}/.*certificate verify failed"):
        bring(https_server, LISTED, tmp_path / "qlf")
    assert https_server.asked == []


def test_a_redirect_is_refused_and_not_followed(server: HttpServer, tmp_path: Path) -> None:
    with HttpServer(server.folder) as elsewhere:
        server.faults.redirect = f"{elsewhere.url}/exposure/{SPECTRO}"
        with pytest.raises(LocationRefused, match=f"leads to '{elsewhere.url}/.*', which is not followed"):
            bring(server, LISTED, tmp_path / "qlf")
        assert elsewhere.asked == []
    assert contents(tmp_path / "qlf") == {}


@pytest.mark.parametrize(
    "name", ["a b.fits", "a?b", "a#b", "~a", "a\\b", "a:b", "x.fits;rm", "$(id)", "a&b", "%0a\u00e9"]
)
def test_a_hostile_name_is_refused_before_any_request(name: str, server: HttpServer, tmp_path: Path) -> None:
    hostile = ManifestFile(name=name, file_class="spectro", size=1, sha256="0" * 64)
    with pytest.raises(LocationRefused, match="is asked for no file"):
        bring(server, exposure_at("/raw/exposure", (hostile,)), tmp_path / "qlf")
    assert server.asked == []


def test_a_name_with_percent_signs_means_itself(server: HttpServer, tmp_path: Path) -> None:
    files = {"%2e%2e%2fetc": b"its own", "a+b=c,d@e%20~f": b"likewise"}
    write(server.folder / "exposure", files)
    bring(server, exposure_at("/raw/exposure", manifest_of(files)), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == files


def test_a_class_that_an_index_page_does_not_name_is_missing(server: HttpServer, tmp_path: Path) -> None:
    with pytest.raises(FileClassMissing, match="there are spectro"):
        bring(server, exposure_at("/raw/exposure", None), tmp_path / "qlf", file_class="fibermap")


def test_an_index_page_without_an_end_is_not_read_to_it(server: HttpServer, tmp_path: Path) -> None:
    server.faults.index = "x" * (2**20 + 1)
    with pytest.raises(SourceUnreachable, match=f"^cannot read {server.url}/exposure/: more than"):
        bring(server, exposure_at("/raw/exposure", None), tmp_path / "qlf")


def test_nobody_is_logged_in_and_no_netrc_is_read(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login qlf password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    bring(server, LISTED, tmp_path / "qlf")
    assert not [asked for asked in server.asked if "authorization" in asked.headers]


def test_a_user_in_the_location_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocationRefused, match="names a user"):
        fetch(LISTED, tmp_path / "qlf", location_map={"/raw": "http://qlf@127.0.0.1"})


def test_a_proxy_of_the_environment_is_asked(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    fetch(LISTED, tmp_path / "qlf", location_map={"/raw": "http://ics.invalid"})
    assert contents(tmp_path / "qlf") == WHOLE
    assert {asked.target for asked in server.asked} == {f"http://ics.invalid/exposure/{SPECTRO}"}


def test_without_urllib3_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, http_store.__name__)
    monkeypatch.setitem(sys.modules, "urllib3", None)
    with pytest.raises(SourceUnreachable, match=r"urllib3 is not installed; run: pip install 'exposure-bus\[http\]'"):
        fetch(LISTED, tmp_path / "qlf", location_map={"/raw": "http://127.0.0.1"})


def test_a_forked_child_fetches_as_its_parent_did(server: HttpServer, tmp_path: Path) -> None:
    write(server.folder / "exposure", {CHECKSUM: f"{sha256(LARGE)}  {SPECTRO}\n".encode()})
    arguments = [server.url, str(tmp_path / "qlf")]
    subprocess.run([sys.executable, "-m", "tests.forked_fetch", *arguments], cwd=ROOT, check=True, timeout=60)
    assert trees_agree(tmp_path / "qlf" / "parent", server.folder / "exposure")
    assert trees_agree(tmp_path / "qlf" / "child", server.folder / "exposure")
