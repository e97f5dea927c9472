"""Files from an S3 bucket: a whole endpoint for what is read, and one that misbehaves for what is not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.session import get_session
from moto.backends import get_backend
from moto.server import ThreadedMotoServer
from tests.http_server import HttpServer
from tests.raw_exposures import trees_agree, write_exposure
from tests.unit.fetch.examples import (
    CHECKSUM,
    ETC,
    FIBERMAP,
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
from exposure_subscriber.errors import LocationRefused, Mismatch, SourceUnreachable
from exposure_subscriber.fetch import FilePath
from exposure_subscriber.fetch.url import s3_store

ROOT: Final = Path(__file__).parents[2]
BUCKET: Final = "desi-raw"
WHERE: Final = f"s3://{BUCKET}/exposure"
LARGE: Final = FILES[SPECTRO] * 2
"""Large enough for what an interrupted fetch leaves to be worth going on with."""
CUT: Final = 2_000_000
WHOLE: Final = {SPECTRO: LARGE}
LISTED: Final = exposure_at("/raw/exposure", manifest_of(WHOLE))
UNHASHED: Final = exposure_at("/raw/exposure", manifest_of(WHOLE, hashed=False))


class Bucket:
    """A bucket of one's own at an endpoint that does all that S3 does."""

    def __init__(self) -> None:
        self._client = get_session().create_client("s3")
        self._client.create_bucket(Bucket=BUCKET)

    def put(self, folder: str, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            self._client.put_object(Bucket=BUCKET, Key=f"{folder}/{name}", Body=content)

    def put_tree(self, root: Path) -> None:
        for path in root.rglob("*"):
            if path.is_file():
                self.put(str(path.parent.relative_to(root)), {path.name: path.read_bytes()})

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(autouse=True)
def settings_of_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = {
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws-credentials"),
    }
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    endpoint = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    endpoint.start()
    try:
        host, port = endpoint.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        get_backend("s3").reset()  # all endpoints of a process hold the same
        started = Bucket()
        yield started
        started.close()
    finally:
        endpoint.stop()


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HttpServer]:
    """An endpoint that serves objects, but not as it should."""
    write(tmp_path / "s3" / BUCKET / "exposure", WHOLE)
    with HttpServer(tmp_path / "s3") as started:
        monkeypatch.setenv("AWS_ENDPOINT_URL", started.url)
        yield started


def bring(exposure: Exposure, dest: Path, **how: Any) -> FilePath:
    return fetch(exposure, dest, location_map={"/raw": f"s3://{BUCKET}"}, **how)


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_night_without_manifests_is_brought_and_sha256sum_agrees(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")  # so that a listing has several pages
    folders = [write_exposure(tmp_path / "ics", expid) for expid in (101, 102, 103)]
    bucket.put_tree(tmp_path / "ics")
    for expid, folder in enumerate(folders, start=101):
        here = tmp_path / "qlf" / folder.relative_to(tmp_path / "ics")
        exposure = Exposure(
            **{name: getattr(LISTED, name) for name in LISTED.__struct_fields__}
            | {"expid": expid, "night": 20230913, "data_location": f"/raw/20230913/{expid:08d}", "files": None}
        )
        brought = bring(exposure, here)
        subprocess.run(["sha256sum", "--check", "--strict", f"checksum-{expid:08d}.sha256sum"], cwd=here, check=True)
        assert {file.name for file in brought.files} == {path.name for path in folder.iterdir()}
    assert trees_agree(tmp_path / "qlf", tmp_path / "ics")


def test_only_what_lies_directly_under_the_prefix_is_listed(bucket: Bucket, tmp_path: Path) -> None:
    files = {ETC: FILES[ETC], FIBERMAP: FILES[FIBERMAP]}
    bucket.put("exposure", files)
    bucket.put("exposure/more", WHOLE)
    bucket.put("exposure2", WHOLE)
    bring(exposure_at("/raw/exposure", None), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == files


def test_a_bucket_may_be_the_folder(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("exposure", WHOLE)
    location_map = {"/raw/night": WHERE}
    fetch(exposure_at("/raw/night", manifest_of(WHOLE)), tmp_path / "qlf", location_map=location_map)
    assert contents(tmp_path / "qlf") == WHOLE


@pytest.mark.parametrize("folder", ["nowhere", "expo"])
def test_a_prefix_with_nothing_under_it_is_not_there(folder: str, bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("exposure", WHOLE)
    with pytest.raises(SourceUnreachable, match=f"^s3://{BUCKET}/{folder} is not there: the bucket has nothing"):
        bring(exposure_at(f"/raw/{folder}", None), tmp_path / "qlf")


@pytest.mark.parametrize("files", [LISTED.files, None], ids=["with a manifest", "without"])
def test_a_bucket_that_is_not_there_is_named(files: Any, bucket: Bucket, tmp_path: Path) -> None:
    del bucket
    with pytest.raises(SourceUnreachable, match=r"^s3://elsewhere/exposure.* is not there: .* 404 Not Found$"):
        fetch(exposure_at("/raw/exposure", files), tmp_path / "qlf", location_map={"/raw": "s3://elsewhere"})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (LARGE[:-1], f"has {len(LARGE) - 1} bytes instead of"),
        (LARGE + b"!", "is longer than"),
        (b"!" + LARGE[1:], "has SHA-256"),
    ],
    ids=["cut short", "too long", "a byte is wrong"],
)
def test_wrong_bytes_go_to_quarantine(wrong: bytes, words: str, bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("exposure", {SPECTRO: wrong})
    with pytest.raises(Mismatch, match=words):
        bring(LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {}
    assert (tmp_path / "qlf" / ".quarantine" / SPECTRO / "copy").read_bytes() == wrong


def test_an_object_that_changes_while_it_is_copied_is_read_again(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("exposure", WHOLE)
    replaced: list[int] = []

    def replace_once(count: int) -> None:
        if not replaced:
            bucket.put("exposure", {SPECTRO: LARGE[::-1]})
        replaced.append(count)

    bring(UNHASHED, tmp_path / "qlf", progress=replace_once)
    assert contents(tmp_path / "qlf") == {SPECTRO: LARGE[::-1]}
    assert min(replaced) == -len(LARGE)


def test_an_object_that_is_deleted_between_two_is_not_there(bucket: Bucket, tmp_path: Path) -> None:
    files = {ETC: FILES[ETC], **WHOLE}
    bucket.put("exposure", files)
    with pytest.raises(SourceUnreachable, match=f"^{WHERE}/{SPECTRO} is not there: the server answers 404 Not Found$"):
        bring(
            exposure_at("/raw/exposure", manifest_of(files)),
            tmp_path / "qlf",
            progress=lambda _count: bucket.remove(f"exposure/{SPECTRO}"),
            jobs=1,
        )
    assert contents(tmp_path / "qlf") == {ETC: FILES[ETC]}


def test_a_name_with_percent_signs_means_itself(bucket: Bucket, tmp_path: Path) -> None:
    files = {"%2e%2e%2fetc": b"its own", "a+b=c,d@e%20~f": b"likewise"}
    bucket.put("exposure", files)
    bring(exposure_at("/raw/exposure", manifest_of(files)), tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == files


def cut_short(endpoint: HttpServer, dest: Path) -> int:
    """Fetch until the connection breaks in the middle of the object; return how many bytes are there then."""
    endpoint.faults.cut_after = CUT
    with pytest.raises(
        SourceUnreachable, match=f"^cannot read {WHERE}/{SPECTRO}: .*total bytes expected is {len(LARGE)}"
    ):
        bring(LISTED, dest)
    (left,) = leftovers(dest)
    assert contents(dest) == {left.name: LARGE[: left.stat().st_size]}
    endpoint.faults.cut_after = None
    endpoint.asked.clear()
    return left.stat().st_size


def test_what_was_cut_in_mid_file_goes_on_with_the_rest_only(misbehaving: HttpServer, tmp_path: Path) -> None:
    held = cut_short(misbehaving, tmp_path / "qlf")
    assert 0 < held <= CUT
    bring(LISTED, tmp_path / "qlf")
    assert misbehaving.ranges(SPECTRO) == [f"bytes={held}-"]
    assert contents(tmp_path / "qlf") == WHOLE


def test_what_was_cut_goes_on_at_an_endpoint_that_does_all_that_s3_does(
    misbehaving: HttpServer, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("exposure", WHOLE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", misbehaving.url)
        held = cut_short(misbehaving, tmp_path / "qlf")
    counts: list[int] = []
    (left,) = leftovers(tmp_path / "qlf")
    same_file = left.stat().st_ino
    bring(LISTED, tmp_path / "qlf", progress=counts.append)
    assert held
    assert min(counts) > 0, "it was begun again"
    assert (tmp_path / "qlf" / SPECTRO).stat().st_ino == same_file
    assert contents(tmp_path / "qlf") == WHOLE


def test_an_endpoint_without_ranges_sends_all_and_what_is_there_is_passed_over(
    misbehaving: HttpServer, tmp_path: Path
) -> None:
    cut_short(misbehaving, tmp_path / "qlf")
    misbehaving.faults.ranges = False
    bring(LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE


def test_another_range_than_the_one_asked_for_is_not_used(misbehaving: HttpServer, tmp_path: Path) -> None:
    held = cut_short(misbehaving, tmp_path / "qlf")
    misbehaving.faults.shift = 1
    with pytest.raises(SourceUnreachable, match=f"from byte {held} was asked, and 'bytes {held + 1}-"):
        bring(LISTED, tmp_path / "qlf")
    assert SPECTRO not in contents(tmp_path / "qlf")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "reading URL is not allowed: the server answers 401 Unauthorized"),
        (403, "reading URL is not allowed: the server answers 403 Forbidden"),
        (500, "cannot read URL: the server answers 500 Internal Server Error"),
        (503, "cannot read URL: the server answers 503 Service Unavailable"),
    ],
)
def test_an_endpoint_that_does_not_serve_is_named_with_its_answer(
    status: int, words: str, misbehaving: HttpServer, tmp_path: Path
) -> None:
    misbehaving.faults.status = status
    with pytest.raises(SourceUnreachable) as caught:
        bring(LISTED, tmp_path / "qlf")
    assert str(caught.value) == words.replace("URL", f"{WHERE}/{SPECTRO}")
    assert contents(tmp_path / "qlf") == {}


def test_a_redirect_to_another_host_is_not_followed(misbehaving: HttpServer, tmp_path: Path) -> None:
    with HttpServer(misbehaving.folder) as elsewhere:
        misbehaving.faults.redirect = f"{elsewhere.url}/{BUCKET}/exposure/{SPECTRO}"
        with pytest.raises(LocationRefused, match=f"on to '{elsewhere.url}/.*', which is not followed"):
            bring(LISTED, tmp_path / "qlf")
        assert elsewhere.asked == []
        assert len(misbehaving.asked) == 1


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Length": None}, "does not tell how long it is"),
        ({"Last-Modified": "yesterday"}, "Invalid timestamp"),
    ],
    ids=["no length", "no time"],
)
def test_an_endpoint_that_describes_nothing_is_refused(
    headers: dict[str, str | None], words: str, misbehaving: HttpServer, tmp_path: Path
) -> None:
    misbehaving.faults.headers = headers
    with pytest.raises(SourceUnreachable, match=f"^cannot read {WHERE}/{SPECTRO}: .*{words}"):
        bring(LISTED, tmp_path / "qlf")


def test_an_endpoint_that_dies_in_mid_file_leaves_nothing_under_a_final_name(
    misbehaving: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehaving.faults.hold_after = CUT
    killer = misbehaving.kill_in_mid_file()
    with pytest.raises(SourceUnreachable, match=f"^cannot read {WHERE}/{SPECTRO}: "):
        bring(LISTED, tmp_path / "qlf")
    killer.join()
    assert [path.name for path in leftovers(tmp_path / "qlf")] == list(contents(tmp_path / "qlf"))
    with HttpServer(misbehaving.folder) as again:
        monkeypatch.setenv("AWS_ENDPOINT_URL", again.url)
        bring(LISTED, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == WHOLE


def test_an_endpoint_that_falls_silent_in_mid_file_is_given_up(
    misbehaving: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_store, "SILENCE", 0.2)
    misbehaving.faults.hold_after = CUT
    with pytest.raises(SourceUnreachable, match=f"{SPECTRO}: the endpoint has been silent for 0.2 s$"):
        bring(LISTED, tmp_path / "qlf")
    assert SPECTRO not in contents(tmp_path / "qlf")


def test_an_endpoint_that_is_not_running_is_named(misbehaving: HttpServer, tmp_path: Path) -> None:
    misbehaving.kill()
    with pytest.raises(
        SourceUnreachable, match=f"^cannot read {WHERE}/.*Could not connect.*{misbehaving.url}"
    ) as caught:
        bring(LISTED, tmp_path / "qlf")
    assert len(str(caught.value).splitlines()) == 1


def test_without_credentials_the_error_says_so(
    misbehaving: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceUnreachable, match=f"^cannot read {WHERE}/{SPECTRO}: Unable to locate credentials$"):
        bring(LISTED, tmp_path / "qlf")
    assert misbehaving.asked == []


def test_a_profile_that_is_not_configured_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nersc")
    with pytest.raises(SourceUnreachable, match=r"^cannot read s3://.*profile \(nersc\) could not be found"):
        bring(LISTED, tmp_path / "qlf")


@pytest.mark.parametrize("name", ["a b.fits", "a?b", "a#b", "~a", "a\\b", "a:b", "$(id)", "a&b", "%0a\u00e9"])
def test_a_hostile_name_is_refused_before_any_request(name: str, misbehaving: HttpServer, tmp_path: Path) -> None:
    hostile = ManifestFile(name=name, file_class="spectro", size=1, sha256="0" * 64)
    with pytest.raises(LocationRefused, match="is asked for no file"):
        bring(exposure_at("/raw/exposure", (hostile,)), tmp_path / "qlf")
    assert misbehaving.asked == []


@pytest.mark.parametrize(
    ("url", "words"), [("s3://qlf@desi-raw", "names a user"), ("s3://desi-raw:9000", "names a port")]
)
def test_what_a_bucket_cannot_have_is_refused(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(LocationRefused, match=words):
        fetch(LISTED, tmp_path / "qlf", location_map={"/raw": url})


def test_without_botocore_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, s3_store.__name__)
    monkeypatch.setitem(sys.modules, "botocore.config", None)
    with pytest.raises(SourceUnreachable, match=r"botocore is not installed; run: pip install 'exposure-bus\[s3\]'"):
        bring(LISTED, tmp_path / "qlf")


def test_a_forked_child_fetches_as_its_parent_did(bucket: Bucket, tmp_path: Path) -> None:
    files = {CHECKSUM: f"{sha256(LARGE)}  {SPECTRO}\n".encode(), **WHOLE}
    bucket.put("exposure", files)
    arguments = [f"s3://{BUCKET}", str(tmp_path / "qlf")]
    subprocess.run([sys.executable, "-m", "tests.forked_fetch", *arguments], cwd=ROOT, check=True, timeout=60)
    assert contents(tmp_path / "qlf" / "parent") == contents(tmp_path / "qlf" / "child") == files
