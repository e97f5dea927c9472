"""From what ICS calls a folder to where this host finds it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.location import resolve

plain = st.text("abcXYZ019-_ é", min_size=1, max_size=6).filter(lambda name: not name.startswith("-"))
paths = st.lists(plain, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))


@given(prefix=paths, target=paths, rest=paths)
def test_a_prefix_is_replaced_and_the_rest_stays(prefix: str, target: str, rest: str) -> None:
    found = resolve(prefix + rest, {prefix: target})
    assert (found.text, found.root) == (target + rest, target)


@given(prefix=paths, target=paths, more=plain)
def test_a_prefix_ends_where_a_component_ends(prefix: str, target: str, more: str) -> None:
    found = resolve(prefix + more, {prefix: target})
    assert (found.text, found.root) == (prefix + more, None)


@given(prefix=paths, deeper=paths, rest=paths)
def test_the_longest_prefix_wins(prefix: str, deeper: str, rest: str) -> None:
    location_map = {prefix: "/short", prefix + deeper: "/long"}
    assert resolve(prefix + deeper + rest, location_map).text == "/long" + rest


@given(location=st.text(max_size=40) | st.text("./-a:%2e\n\\", max_size=12) | paths, target=paths)
def test_whatever_comes_is_refused_or_leads_beneath_the_root(location: str, target: str) -> None:
    try:
        found = resolve(location, {"/": target})
    except (LocationRefused, SourceUnreachable):
        return
    assert found.scheme != "file" or Path(found.text).is_relative_to(target)
    assert ".." not in found.text.split("/")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/data/20240105/00012345", "/data/20240105/00012345"),
        ("/data//20240105/./00012345/", "/data/20240105/00012345"),
        ("//data/x", "/data/x"),
        ("/", "/"),
        ("file:///data/x", "/data/x"),
        ("FILE://localhost/data/x", "/data/x"),
        ("file:///data/with%20space", "/data/with space"),
        ("/data/100%25/x", "/data/100%25/x"),
        ("/data/..x/y", "/data/..x/y"),
    ],
)
def test_a_location_has_one_spelling(location: str, expected: str) -> None:
    assert resolve(location, {}).text == expected


@pytest.mark.parametrize(
    ("location", "location_map", "expected"),
    [
        ("file:///data/x", {"/data": "/mnt"}, "/mnt/x"),
        ("/data/x", {"file:///data/": "file:///mnt/a%20b/"}, "/mnt/a b/x"),
        ("/data", {"/data": "/mnt"}, "/mnt"),
        ("/data/x", {"/": "/mnt"}, "/mnt/data/x"),
        ("/data/x", {"/data": "/"}, "/x"),
        ("/data/x", {"/data": "/"} | {"/x": "/never twice"}, "/x"),
        ("rsync://ics/data/x", {"rsync://ics/data": "/mnt"}, "/mnt/x"),
        ("/data/x", {"/data": "https://ics/raw/"}, "https://ics/raw/x"),
        ("/database/x", {"/data": "/mnt"}, "/database/x"),
    ],
)
def test_the_map_knows_paths_and_urls(location: str, location_map: dict[str, str], expected: str) -> None:
    assert resolve(location, location_map).text == expected


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("-e touch /tmp/x", "begins with '-'"),
        ("/data\n/x", "control character"),
        ("/data/\x7f", "control character"),
        ("/data/\ud800", "control character"),
        ("/data/../etc", "climbs"),
        ("..", "climbs"),
        ("data/x", "neither an absolute path nor a URL"),
        ("~/data", "neither an absolute path nor a URL"),
        ("file:/data", "neither an absolute path nor a URL"),
        ("file://", "neither an absolute path nor a URL"),
        ("file://ics/data", "on host 'ics'"),
        ("file:///data/%2e%2e/etc", "climbs"),
        ("file:///data/a%2F..%2F..%2Fetc", "climbs"),
        ("file:///data/%0a", "control character"),
        ("file:///data/%00", "control character"),
        ("file:///data/%ff", "control character"),
        ("rsync://ics/data/../etc", "climbs"),
    ],
)
def test_what_leads_elsewhere_is_refused(location: str, reason: str) -> None:
    with pytest.raises(LocationRefused, match=re.escape(reason)):
        resolve(location, {"/data": "/mnt"})


@pytest.mark.parametrize("location_map", [{"data": "/mnt"}, {"/data": "mnt"}, {"/data": ""}, {"/data": "/mnt/../x"}])
def test_a_map_that_leads_nowhere_is_named_as_such(location_map: dict[str, str]) -> None:
    with pytest.raises(LocationRefused, match="in the location map, location"):
        resolve("/data/x", location_map)


@pytest.mark.parametrize("location", [None, ""])
def test_no_location_at_all_is_said_so(location: str | None) -> None:
    with pytest.raises(SourceUnreachable, match="no data location"):
        resolve(location, {})


REMOTE = ["https://ics/raw/x", "s3://bucket/x", "rsync://ics/data", "ssh://qlf@ics:2222/data", "ics:/data", "ics:data"]


@pytest.mark.parametrize("location", REMOTE)
def test_another_host_is_asked_only_if_the_map_leads_there(location: str) -> None:
    with pytest.raises(LocationRefused, match="the location map leads to no folder there"):
        resolve(location, {"/data": "rsync://dts/raw"})
    assert resolve(location, {location: location}).root is not None


@pytest.mark.parametrize("location", ["exec://x", "ftp://ics/data", "RSYNCD://ics/data"])
def test_a_scheme_that_is_not_read_is_refused_with_those_that_are(location: str) -> None:
    with pytest.raises(LocationRefused, match=r"known are absolute paths, host:path, file://, rsync://, ssh://"):
        resolve(location, {"/": "rsync://dts/raw"})


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("ics:/data//raw/", "ssh://ics/data/raw"),
        ("qlf@ics:raw", "ssh://qlf@ics/~/raw"),
        ("[::1]:/data", "ssh://[::1]/data"),
        ("RSYNC://dts:8730/raw/./x", "rsync://dts:8730/raw/x"),
        ("s3://desi-raw/20240105", "s3://desi-raw/20240105"),
    ],
)
def test_a_location_on_another_host_has_one_spelling(location: str, expected: str) -> None:
    assert resolve(location, {location: location}).text == expected


@pytest.mark.parametrize(
    "location",
    [
        "ssh://-oProxyCommand=touch/data",
        "ssh://ics/-e/data",
        "ssh://-x@ics/data",
        "rsync://ics/$(touch x)",
        "rsync://ics/raw/`touch x`",
        "rsync://ics/raw;touch",
        "rsync://ics/raw/*",
        "rsync://qlf:secret@ics/raw",
        "rsync://ics:99999/raw",
        "https://ics/raw/%2e%2e/etc",
        "https://ics/raw/..%2fetc",
        "https://ics/raw?x=1",
        "rsync://ics/raw/~root/x",
        "ics:~root/x",
        "s3:///raw",
        "-e touch:/raw",
    ],
)
def test_what_another_host_or_a_shell_could_take_for_more_than_a_name_is_refused(location: str) -> None:
    for location_map in ({location: location}, {"/": "rsync://ics/raw"}):
        with pytest.raises(LocationRefused):
            resolve(location, location_map)
