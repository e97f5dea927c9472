"""What ``docs/wire-format.md`` shows is what the code writes."""

import json
import re

import pytest
import yaml
from tests.unit.schemas.examples import envelope_for
from tests.unit.schemas.repository import ASYNCAPI, WIRE_FORMAT

from exposure_schemas import (
    JSON,
    MESSAGE_TYPES,
    MOST_BYTES,
    MOST_EXPOSURES,
    SUMMARY_KEYS,
    ExposureSummary,
    Retraction,
    decode,
    encode,
    routing,
)

pytestmark = pytest.mark.drift

PAGE = WIRE_FORMAT.read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"```json ([\w-]+)\n(.+?)```", PAGE, re.DOTALL))

every_type = pytest.mark.parametrize("message_type", MESSAGE_TYPES)


@every_type
def test_each_message_is_shown_as_the_code_writes_it(message_type: str) -> None:
    body = SHOWN[message_type].encode()
    written = encode(decode(body, envelope_for(message_type, JSON)), JSON)
    assert json.loads(body) == json.loads(written)
    assert list(json.loads(body)) == list(json.loads(written))


def test_a_retraction_is_shown_as_the_code_writes_it() -> None:
    message = decode(SHOWN["retraction"].encode(), envelope_for("exposure-summary", JSON))
    assert isinstance(message, ExposureSummary)
    assert json.loads(SHOWN["retraction"]) == json.loads(encode(message, JSON))
    assert (message.exposures, message.retracted) == ((), (Retraction(expid=111449, sequence=4713),))


@every_type
def test_the_page_and_asyncapi_show_the_same_message(message_type: str) -> None:
    messages = yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))["components"]["messages"].values()
    (example, *_) = next(message["examples"] for message in messages if message["name"] == message_type)
    assert json.loads(SHOWN[message_type]) == example["payload"]


def test_the_bytes_are_those_of_the_same_heartbeat() -> None:
    (block,) = re.findall(r"```hex\n(.+?)```", PAGE, re.DOTALL)
    shown = bytes.fromhex(" ".join(line.partition("#")[0] for line in block.splitlines()))
    assert shown == encode(decode(SHOWN["heartbeat"].encode(), envelope_for("heartbeat", JSON)))


def test_the_sixteen_keys_are_named_and_no_other_is() -> None:
    table = PAGE[PAGE.index("| key | type, unit |") : PAGE.index("Behind them come")]
    assert sorted(re.findall(r"\| `(\w+)` \|", table)) == sorted(SUMMARY_KEYS)


def test_exchanges_queues_and_limits_are_those_of_the_code() -> None:
    exchanges = (routing.EXCHANGE, routing.REPLAY_EXCHANGE, routing.ALARM_EXCHANGE)
    queues = (routing.LOG_STREAM, routing.REQUEST_QUEUE)
    keys = (routing.EVERY_EXPOSURE, routing.RETRACTED_KEY, routing.HEARTBEAT_KEY, routing.EVERYBODY)
    assert all(f"`{name}`" in PAGE for name in (*exchanges, *queues, *keys))
    assert f" {MOST_BYTES} bytes" in " ".join(PAGE.split())
    assert f"up to {MOST_EXPOSURES} in a replay" in PAGE


def test_its_links_lead_to_files() -> None:
    for link in re.findall(r"\]\((?!#)([^)]+)\)", PAGE):
        assert (WIRE_FORMAT.parent / link).exists()
