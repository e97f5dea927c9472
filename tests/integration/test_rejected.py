"""What was set aside, with a real broker and a cache on either database: seen, sent again, dropped, and never lost."""

import io
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest
from tests.in_threads import running
from tests.integration.rejecting import KEY, NOWHERE, Log, Place, poison, summary
from tests.listening import Listener, listening
from tests.processes import COMMAND, Processes
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.broker import properties_for
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.odd_headers import OddTime
from exposure_bus.broker.topology import REJECTED_ARGUMENTS, declare_follower
from exposure_bus.errors import DatabaseUnreachable
from exposure_schemas import encode, follower_queue
from exposure_schemas.routing import EVERY_EXPOSURE, REJECTED_EXCHANGE, REJECTED_QUEUE
from exposure_subscriber.cache import open_cache
from exposure_subscriber.commands.rejected import COLUMNS
from exposure_subscriber.follower import Follower
from exposure_subscriber.rejected import Look, cached


@pytest.fixture
def speaker(broker_url: str, subscriber: str) -> Iterator[Listener]:
    declare(broker_url, "test", declare_follower(subscriber))
    with listening(broker_url) as opened:
        yield opened


@pytest.fixture
def place(
    broker_url: str, subscriber: str, tmp_path: Path, speaker: Listener, capsys: pytest.CaptureFixture[str]
) -> Place:
    """With a SQLite cache, for what the cache has no part in."""
    made = Place(broker_url, subscriber, f"sqlite:///{tmp_path}/cache.sqlite", speaker)
    made._capture = capsys
    return made


@pytest.fixture
def either(
    broker_url: str, subscriber: str, cache_url: str, speaker: Listener, capsys: pytest.CaptureFixture[str]
) -> Place:
    """With a cache on either database."""
    made = Place(broker_url, subscriber, cache_url, speaker)
    made._capture = capsys
    return made


def odd_time() -> pika.BasicProperties:
    """Properties with a header that pika cannot read."""
    return pika.BasicProperties(headers={"odd": OddTime(2**63)})


# List.


def test_both_places_are_listed_with_all_that_is_known(either: Place) -> None:
    kept = either.keep(b"poison", poison())
    dead = either.bury(b"buried", poison(message_id=None))
    first, second = sorted(either.rows(), key=lambda row: row["from"] == "broker")
    assert tuple(first) == tuple(second) == COLUMNS
    assert datetime.fromisoformat(first.pop("when")) <= datetime.now(UTC)
    assert datetime.fromisoformat(second.pop("when")) <= datetime.now(UTC)
    assert first.pop("detail").startswith("type 'of-nobody', known are ")
    known = {"routing_key": KEY, "type": "of-nobody", "app_id": "foreign", "size": 6}
    assert first == known | {"id": kept, "from": "cache", "reason": "unknown-type", "message_id": "m"}
    detail = f"out of {follower_queue(either.subscriber)}"
    assert second == known | {
        "id": dead,
        "from": "broker",
        "reason": "rejected",
        "detail": detail,
        "message_id": None,
    }


def test_the_table_is_short_and_csv_has_it_all(place: Place) -> None:
    assert place.run("list") == (0, "", "nothing is set aside\n")
    kept = place.keep(b"poison", poison())
    _, out, _ = place.run("list")
    header, line = out.splitlines()
    assert header.split() == ["id", "from", "when", "reason", "size", "detail"]
    assert line.split()[:2] == [kept, "cache"]
    _, out, _ = place.run("list", "--format", "csv")
    assert out.splitlines()[0] == ",".join(COLUMNS)
    assert len(out.splitlines()) == 2


def test_two_hundred_looks_lose_nothing_and_change_nothing(place: Place) -> None:
    """Also where messages are thrown away that came back twenty times, as RabbitMQ does from 4.0 on."""
    place.channel.queue_delete(REJECTED_QUEUE)
    place.channel.queue_declare(REJECTED_QUEUE, durable=True, arguments=REJECTED_ARGUMENTS | {"x-delivery-limit": 20})
    place.channel.queue_bind(REJECTED_QUEUE, REJECTED_EXCHANGE, EVERY_EXPOSURE)
    place.bury(b"one", poison(headers={"nested": {"list": [1.5, "two", b"\xff", None]}}))
    place.bury(b"two", poison(expiration="3600000"))
    place.say("", REJECTED_QUEUE, b"three", odd_time())
    wait_until(lambda: len(place.ids()) == 3, "all three")
    before = sorted(place.rows(), key=str)
    for _ in range(200):
        assert sorted(place.rows(), key=str) == before
    assert "nested" in "".join(place.run("show", row["id"])[1] for row in before)


def test_a_message_to_which_no_way_leads_any_more_is_looked_at_and_stays(place: Place, caplog: Log) -> None:
    place.bury(b"one", poison())
    place.channel.queue_unbind(REJECTED_QUEUE, REJECTED_EXCHANGE, EVERY_EXPOSURE)
    rows = [place.rows() for _ in range(10)]
    assert rows == rows[:1] * 10
    assert len(rows[0]) == 1
    assert "cannot be renewed, and more looks may cost it: no queue is bound to exposures.rejected" in caplog.text


def test_whatever_somebody_sent_is_listed_and_hides_nothing(either: Place) -> None:
    headers = {"table": {"a": [1, {"b": None}]}, "time": datetime(2023, 9, 14, tzinfo=UTC), "x-death": "of nobody"}
    odd = [
        odd_time(),
        poison(headers=headers, content_type="text/plain", timestamp=2**64 - 1, message_id="\x1b[31m\0"),
        pika.BasicProperties(),
    ]
    for number, properties in enumerate(odd):
        either.say(REJECTED_EXCHANGE, "exposure.ünï\x1b", b"\xc1" * number, properties)
    either.keep(b"\0", poison(headers=headers, correlation_id="é" * 100))
    wait_until(lambda: len(either.rows()) == 4, "all of them")
    assert [row["routing_key"] for row in either.rows()][:3] == ["exposure.ünï\\x1b"] * 3
    shown = [either.run("show", name) for name in either.ids()]
    assert [(code, err) for code, _, err in shown] == [(0, "")] * 4
    assert not any("\x1b" in out for _, out, _ in shown)
    assert sum("readable now  no, a header holds a time beyond the year 9999" in out for _, out, _ in shown) == 1


def test_without_a_broker_what_the_cache_has_is_listed_shown_and_dropped(either: Place) -> None:
    kept = either.keep(b"poison", poison())
    code, out, err = either.run("list", "--format", "json", broker_url=NOWHERE)
    assert (code, json.loads(out)["id"]) == (1, kept)
    assert err.startswith("exposure-bus: the broker could not be asked: the broker at 127.0.0.1:1 does not answer: ")
    assert err.count("\n") == 1
    assert either.run("show", kept, broker_url=NOWHERE)[0] == 0
    code, _, err = either.run("retry", "--all", broker_url=NOWHERE)
    assert (code, err.count("\n")) == (1, 1)
    assert either.run("drop", kept, broker_url=NOWHERE) == (0, f"{kept}: dropped\n", "")
    assert either.rows() == []


def test_without_a_cache_what_the_broker_has_is_listed_and_dropped(place: Place, tmp_path: Path) -> None:
    dead = place.bury(b"buried", poison())
    absent = f"sqlite:///{tmp_path}/absent.sqlite"
    code, out, err = place.run("list", "--format", "json", cache_url=absent)
    assert (code, json.loads(out)["id"]) == (1, dead)
    assert err.startswith(f"exposure-bus: the cache could not be asked: the cache {tmp_path}/absent.sqlite: ")
    code, out, err = place.run("drop", "--all", cache_url=absent)
    assert (code, out) == (1, f"{dead}: dropped\n")
    assert "unable to open database file" in err
    assert place.rows() == []


# Show.


def test_show_tells_everything_and_raw_writes_the_body(place: Place, processes: Processes) -> None:
    body = encode(summary(7))
    place.say(REJECTED_EXCHANGE, KEY, body, properties_for(summary(7), "id"))
    (name,) = wait_until(place.ids, "the message")
    lines = place.run("show", name)[1].splitlines()
    assert "readable now  yes: exposure-summary of 7" in lines
    assert '"message_id": "id"' in [line.strip().rstrip(",") for line in lines]
    assert '"expid": 7,' in [line.strip() for line in lines]
    processes.settings(broker_url=place.broker_url, cache_url=place.cache_url)
    command = [COMMAND, "rejected", "show", name, "--raw"]
    ended = subprocess.run(command, env=processes.environment, capture_output=True, check=True, timeout=60)
    assert (ended.stdout, ended.stderr) == (body, b"")


# Retry.


def test_a_message_of_the_cache_reaches_the_follower_unchanged_and_is_gone(either: Place) -> None:
    properties = properties_for(summary(7), "id")
    properties.headers["note"] = "kept"
    body = encode(summary(7))
    name = either.keep(body, properties)
    said = f"{name}: sent to {follower_queue(either.subscriber)}\n"
    assert either.run("retry", name) == (0, said, "")
    ((method, got, came),) = either.take(1)
    assert (method.routing_key, vars(got), came) == (either.subscriber, vars(properties), body)
    assert either.rows() == []


def test_a_dead_letter_reaches_the_follower_for_whom_it_was_and_is_gone(place: Place) -> None:
    headers = {"schema_version": 1, "weights": [1.5, None, {"a": b"\xff"}], "at": datetime(2023, 9, 14, tzinfo=UTC)}
    sent = properties_for(summary(7), "id")
    sent.headers, sent.expiration, body = headers, "3600000", encode(summary(7))
    name = place.bury(body, sent)
    code, out, _ = place.run("retry", "--all", subscriber="another")
    assert (code, out) == (0, f"{name}: sent to {follower_queue(place.subscriber)}\n")
    ((_, got, came),) = place.take(1)
    assert came == body
    assert (got.type, got.content_type, got.message_id, got.expiration) == (sent.type, sent.content_type, "id", None)
    assert {name: got.headers[name] for name in headers} == headers
    assert got.headers["x-death"][0]["queue"] == follower_queue(place.subscriber)
    assert place.rows() == []


def test_what_could_still_not_be_read_is_kept_with_its_reason(either: Place) -> None:
    bad = [either.keep(b"poison", poison()), either.bury(b"poison", poison())]
    good = either.keep(encode(summary(7)), properties_for(summary(7), "id"))
    code, out, err = either.run("retry", "--all")
    assert (code, out) == (1, f"{good}: sent to {follower_queue(either.subscriber)}\n")
    for name, line in zip(bad, err.splitlines(), strict=True):
        assert line.startswith(f"exposure-bus: {name}: kept, since it would be set aside again: unknown-type: ")
    assert either.ids() == bad
    either.take(1)


def test_a_body_that_was_cut_cannot_be_sent_again(either: Place) -> None:
    name = either.keep(b"x" * 100_000, poison())
    (row,) = either.rows()
    assert row["size"] == 100_000
    code, _, err = either.run("retry", name)
    assert code == 1
    assert "only its first 65536 bytes were kept; healing brings what it said" in err
    assert either.ids() == [name]


def test_a_long_detail_does_not_hide_that_a_body_was_cut(place: Place) -> None:
    name = place.keep(b"x" * 100_000, poison(type="t" * 200))
    execute(place.cache_url, "UPDATE rejected SET detail = 'cut itself'")
    assert "only its first 65536 bytes" in place.run("retry", name)[2]


def test_what_no_queue_takes_is_kept(either: Place) -> None:
    names = [
        either.keep(encode(summary(7)), properties_for(summary(7), "id")),
        either.bury(encode(summary(8)), properties_for(summary(8), "id")),
    ]
    either.channel.queue_delete(follower_queue(either.subscriber))
    code, out, err = either.run("retry", *names)
    assert (code, out) == (1, "")
    for name in names:
        assert f"{name}: kept: no queue is bound to exposures.replay for '{either.subscriber}'" in err
    assert either.ids() == names


def test_what_the_broker_refuses_does_not_end_the_next(place: Place) -> None:
    """A property of 255 bytes that the cache keeps as a longer text cannot be written any more."""
    properties = properties_for(summary(7), "é" * 200)
    refused = place.keep(encode(summary(7)), properties)
    foreign = properties_for(summary(8), "id")
    foreign.user_id = "somebody"
    good = place.keep(encode(summary(8)), foreign)
    code, out, err = place.run("retry", refused, good)
    assert (code, out) == (1, f"{good}: sent to {follower_queue(place.subscriber)}\n")
    assert err == f"exposure-bus: {refused}: kept: the broker does not take it: ShortStringTooLong\n"
    assert place.ids() == [refused]


def test_what_a_cache_cannot_let_go_is_said_and_is_sent_twice_rather_than_never(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = place.keep(encode(summary(7)), properties_for(summary(7), "id"))

    def locked(*_: Any) -> bool:
        raise DatabaseUnreachable("the cache is locked")

    with monkeypatch.context() as patched:
        patched.setattr(cached, "remove", locked)
        assert place.run("retry", name) == (1, "", "exposure-bus: the cache is locked\n")
    assert place.ids() == [name]
    assert place.run("retry", name)[0] == 0
    place.take(2)


def test_a_retry_that_is_interrupted_after_the_confirm_leaves_the_dead_letter(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = place.bury(encode(summary(7)), properties_for(summary(7), "id"))

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Look, "remove", interrupted)
        assert place.run("retry", name) == (130, "", "\nexposure-bus: interrupted\n")
    assert place.ids() == [name]
    place.take(1)


def test_a_follower_takes_what_is_sent_again(either: Place) -> None:
    kept = either.keep(encode(summary(7)), properties_for(summary(7), "id"))
    dead = either.bury(encode(summary(8)), properties_for(summary(8), "id"))
    with running(Follower(either.broker_url, either.subscriber, open_cache(either.cache_url))):
        code, _, err = either.run("retry", kept, dead)
        assert (code, err) == (0, "")
        wanted = [(7,), (8,)]
        wait_until(lambda: execute(either.cache_url, "SELECT expid FROM exposure ORDER BY expid") == wanted, "both")
    assert either.rows() == []


# Drop.


def test_only_what_is_named_is_dropped(either: Place) -> None:
    kept = [either.keep(b"poison", poison()) for _ in range(2)]
    dead = [either.bury(b"buried %d" % number, poison()) for number in range(2)]
    code, out, err = either.run("drop", kept[0], dead[1], kept[0])
    assert (code, out, err) == (0, f"{kept[0]}: dropped\n{dead[1]}: dropped\n", "")
    assert either.ids() == [kept[1], dead[0]]


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_ids_that_nobody_has_are_told_and_the_others_are_done(either: Place, verb: str) -> None:
    name = either.keep(encode(summary(7)), properties_for(summary(7), "id"))
    code, out, err = either.run(verb, "999", "b0123456789", "9" * 30, "-1x"[1:], name)
    assert (code, out.startswith(f"{name}: ")) == (3, True)
    assert [line.split(": ")[1] for line in err.splitlines()] == ["9" * 30, "1x", "999", "b0123456789"]
    assert either.rows() == []


@pytest.mark.parametrize("name", ["999", "b0123456789", "x"])
def test_show_says_that_there_is_none(place: Place, name: str) -> None:
    said = f"exposure-bus: {name}: no such message is set aside; `exposure-bus rejected list` shows those that are\n"
    assert place.run("show", name) == (3, "", said)


@pytest.mark.parametrize("arguments", [(), ("17", "--all")])
@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_which_are_meant_has_to_be_said(place: Place, verb: str, arguments: tuple[str, ...]) -> None:
    code, _, err = place.run(verb, *arguments)
    assert code == 2
    assert err.startswith("exposure-bus: say which: ID..., ")


class Terminal(io.StringIO):
    """A person who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("y", 0)])
def test_on_a_terminal_dropping_all_is_asked_for(
    place: Place, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    place.keep(b"poison", poison())
    place.bury(b"buried", poison())
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdin", Terminal(f"{answer}\n"))
        code, _, err = place.run("drop", "--all")
    assert code == (1 if left else 0)
    assert err.startswith("Drop 1 message in the cache, 1 at the broker, of all followers? [y/N]: ")
    assert len(place.rows()) == left


def test_dropping_all_is_not_asked_for_with_yes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    name = place.keep(b"poison", poison())
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdin", Terminal())
        assert place.run("drop", "--all", "--yes") == (0, f"{name}: dropped\n", "")
