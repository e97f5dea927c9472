"""Names of queues and routing keys: any exposure has a key that the broker takes and a binding matches."""

import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.schemas.examples import EXPOSURE, MESSAGES

from exposure_schemas import ALARM_LEVELS, ReplayRequest, SubscriberName, alarm_key, follower_queue, routing
from exposure_schemas import routing_key as key_of

FOUR_WORDS = re.compile(r"exposure\.(written|pending)\.[a-z0-9_-]+\.[a-z0-9_-]+")
anything = st.none() | st.text()


def key_with(exptype: str | None, program: str | None = "dark", *, written: bool = True) -> str:
    return key_of(msgspec.structs.replace(EXPOSURE, exptype=exptype, program=program, data_written=written))


@given(exptype=anything, program=anything, written=st.booleans())
@example(exptype="İ" * 300, program="\U0001f52d" * 300, written=True)
@example(exptype="a.b", program="#", written=False)
def test_a_key_has_four_words_and_at_most_255_bytes_whatever_the_texts_are(
    exptype: str | None, program: str | None, written: bool
) -> None:
    key = key_with(exptype, program, written=written)
    assert FOUR_WORDS.fullmatch(key)
    assert len(key.encode()) <= 255
    assert key.split(".")[1] == ("written" if written else "pending")


@pytest.mark.parametrize(
    ("exptype", "program", "key"),
    [
        ("science", "dark", "exposure.written.science.dark"),
        ("SCIENCE", "Bright", "exposure.written.science.bright"),
        ("zero", "CALIB ZEROs", "exposure.written.zero.calib_zeros"),
        ("arc", "arcs 5.0s", "exposure.written.arc.arcs_5_0s"),
        ("flat", "desi-calib_03", "exposure.written.flat.desi-calib_03"),
        (None, None, "exposure.written.none.none"),
        ("", "", "exposure.written.none.none"),
        ("été", "#*", "exposure.written._t_.__"),
    ],
)
def test_words_are_lower_case_and_without_what_a_key_reserves(
    exptype: str | None, program: str | None, key: str
) -> None:
    assert key_with(exptype, program) == key


def test_an_exposure_whose_data_is_not_written_is_pending() -> None:
    assert key_with("science", written=False) == "exposure.pending.science.dark"


def test_each_alarm_level_has_its_key_and_the_key_of_none_has_a_wildcard() -> None:
    assert [alarm_key(level) for level in ALARM_LEVELS] == ["event", "warn", "alarm", "critical"]


def test_a_followers_queue_is_named_for_it() -> None:
    assert follower_queue("qlf") == "exposures.qlf"


@pytest.mark.parametrize("queue", [routing.LOG_STREAM, routing.REQUEST_QUEUE, routing.REJECTED_QUEUE])
def test_no_subscriber_may_have_a_name_that_makes_a_queue_of_the_bus_its_own(queue: str) -> None:
    name = queue.removeprefix("exposures.")
    assert follower_queue(name) == queue
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, SubscriberName)


def test_nor_one_that_gets_everybodys_replays() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(routing.EVERYBODY, SubscriberName)


@pytest.mark.parametrize("name", ["qlf", "QLF2", "all2", "logs", "a", "9", "q" * 64, "quick_look-2"])
def test_other_names_are_free(name: str) -> None:
    fields = msgspec.to_builtins(MESSAGES["replay-request"]) | {"subscriber": name}
    assert msgspec.convert(fields, ReplayRequest).subscriber == name
