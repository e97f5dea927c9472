"""``asyncapi.yaml`` says what the code does: the same names, numbers, arguments and fields."""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.unit.schemas.examples import ENCODINGS, MESSAGES, body_of, envelope_for
from tests.unit.schemas.repository import ASYNCAPI

from exposure_bus.broker.properties import APP_ID, PERSISTENT, properties_for
from exposure_bus.broker.topology import Declarer, declare_follower, declare_publisher
from exposure_schemas import (
    ALARM_LEVELS,
    JSON,
    MESSAGE_TYPES,
    MOST_BYTES,
    MOST_EXPOSURES,
    MSGPACK,
    SCHEMA_VERSION,
    Exposure,
    ExposureSummary,
    SubscriberName,
    alarm_key,
    decode,
    file_class_of,
    follower_queue,
    routing,
    routing_key,
)
from exposure_schemas.json_schema import schema_of

pytestmark = pytest.mark.drift

DOCUMENT: dict[str, Any] = yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
OPERATIONS: dict[str, Any] = DOCUMENT["operations"]
BY_NAME: dict[str, Any] = {message["name"]: message for message in DOCUMENT["components"]["messages"].values()}

every_type = pytest.mark.parametrize("message_type", MESSAGE_TYPES)


class Recorder:
    """Takes down what would be declared at a broker."""

    def __init__(self) -> None:
        self.exchanges: dict[str, str] = {}
        self.queues: dict[str, dict[str, Any]] = {}
        self.bindings: dict[str, dict[str, list[str]]] = {}

    def exchange(self, name: str, kind: str) -> None:
        self.exchanges[name] = kind

    def queue(self, name: str, arguments: dict[str, Any]) -> None:
        self.queues[name] = arguments

    def bind(self, queue: str, exchange: str, *keys: str) -> None:
        self.bindings.setdefault(queue, {})[exchange] = [*keys]


@pytest.fixture
def declared() -> Recorder:
    recorder = Recorder()
    declare_publisher(cast("Declarer", recorder))
    declare_follower("{subscriber}")(cast("Declarer", recorder))
    return recorder


def queue_channels() -> dict[str, Any]:
    return {each["address"]: each for each in CHANNELS.values() if each["bindings"]["amqp"]["is"] == "queue"}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def referred(reference: str) -> Any:
    """Return what a reference of the document points to."""
    file, _, pointer = reference.partition("#")
    found = yaml.safe_load((ASYNCAPI.parent / file).read_text(encoding="utf-8")) if file else DOCUMENT
    for step in filter(None, pointer.split("/")):
        found = found[step]
    return found


def test_the_version_is_that_of_the_schemas() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["version"] == str(SCHEMA_VERSION)


def test_every_reference_leads_somewhere() -> None:
    found = list(references(DOCUMENT))
    assert all(referred(reference) for reference in found)
    assert len(found) > len(MESSAGE_TYPES)


def test_everything_under_components_is_used() -> None:
    used = set(references(DOCUMENT))
    for kind, parts in DOCUMENT["components"].items():
        assert {f"#/components/{kind}/{name}" for name in parts} <= used


def test_the_messages_are_those_of_the_code() -> None:
    assert set(BY_NAME) == set(MESSAGE_TYPES)


@every_type
def test_a_message_has_the_schema_that_its_type_gives(message_type: str) -> None:
    payload = BY_NAME[message_type]["payload"]
    assert payload["schemaFormat"].endswith("draft-2020-12")
    assert referred(payload["schema"]["$ref"]) == schema_of(message_type)


@every_type
def test_a_message_has_the_properties_that_we_publish_it_with(message_type: str) -> None:
    published = properties_for(MESSAGES[message_type], "an-id")
    described = BY_NAME[message_type]
    binding = described["bindings"]["amqp"]
    (trait,) = (referred(each["$ref"]) for each in described["traits"])
    assert described["contentType"] == published.content_type == MSGPACK == DOCUMENT["defaultContentType"]
    assert (binding["contentEncoding"], binding["messageType"]) == (published.content_encoding, published.type)
    assert set(trait["x-amqp-properties"]) == {name for name, value in vars(published).items() if value is not None}
    assert set(trait["headers"]["properties"]) == set(trait["headers"]["required"]) == set(published.headers)
    assert trait["headers"]["properties"]["schema_version"]["const"] == published.headers["schema_version"]


def test_the_properties_are_described_with_their_values() -> None:
    described = DOCUMENT["components"]["messageTraits"]["properties"]["x-amqp-properties"]
    as_json = properties_for(MESSAGES["alarm"], "an-id", JSON)
    assert all(f"`{name}`" in described["type"] for name in MESSAGE_TYPES)
    assert all(f"`{encoding}`" in described["content_type"] for encoding in ENCODINGS)
    assert f"`{as_json.content_encoding}` with JSON" in described["content_encoding"]
    assert f"`{APP_ID}`" in described["app_id"]
    assert described["delivery_mode"].startswith(str(PERSISTENT))


@every_type
def test_the_examples_of_a_message_are_such_messages(message_type: str) -> None:
    validator = Draft202012Validator(schema_of(message_type))
    for example in BY_NAME[message_type]["examples"]:
        assert example["headers"] == {"schema_version": SCHEMA_VERSION}
        validator.validate(example["payload"])
        message = decode(body_of(example["payload"], JSON), envelope_for(message_type, JSON))
        assert msgspec.to_builtins(message).keys() == example["payload"].keys()


def test_the_example_of_an_exposure_has_every_field_and_files_of_their_classes() -> None:
    (exposure,) = BY_NAME["exposure-summary"]["examples"][0]["payload"]["exposures"]
    assert tuple(exposure) == Exposure.__struct_fields__
    for file in exposure["files"]:
        assert file["file_class"] == file_class_of(file["name"], exposure["expid"])


def test_the_exchanges_are_those_that_we_declare(declared: Recorder) -> None:
    described = [
        channel["bindings"]["amqp"]["exchange"]
        for channel in CHANNELS.values()
        if channel["bindings"]["amqp"]["is"] == "routingKey"
    ]
    kinds = {exchange["name"]: exchange["type"] for exchange in described}
    assert kinds | {routing.REJECTED_EXCHANGE: "topic"} == declared.exchanges
    assert all(exchange["durable"] and not exchange["autoDelete"] for exchange in described)


def test_the_queues_are_those_that_we_declare_with_the_same_arguments(declared: Recorder) -> None:
    assert {name: each["x-queue-arguments"] for name, each in queue_channels().items()} == declared.queues
    for name, channel in queue_channels().items():
        queue = channel["bindings"]["amqp"]["queue"]
        assert queue.get("name", follower_queue("{subscriber}")) == name
        assert (queue["durable"], queue["exclusive"], queue["autoDelete"]) == (True, False, False)


def test_the_bindings_are_those_that_we_declare(declared: Recorder) -> None:
    described = {
        name: each["x-queue-bindings"] for name, each in queue_channels().items() if "x-queue-bindings" in each
    }
    assert described == declared.bindings


def test_the_key_of_an_exposure_is_as_the_address_says() -> None:
    channel = CHANNELS["exposures"]
    summary = MESSAGES["exposure-summary"]
    assert isinstance(summary, ExposureSummary)
    (exposure,) = summary.exposures
    words = {"exptype": exposure.exptype, "program": exposure.program}
    for state, written in zip(channel["parameters"]["state"]["enum"], (True, False), strict=True):
        key = channel["address"].format(state=state, **words)
        assert routing_key(msgspec.structs.replace(exposure, data_written=written)) == key


def test_the_other_keys_are_as_the_addresses_say() -> None:
    assert CHANNELS["heartbeats"]["address"] == routing.HEARTBEAT_KEY
    assert CHANNELS["retractions"]["address"] == routing.RETRACTED_KEY
    assert CHANNELS["alarms"]["parameters"]["level"]["enum"] == [alarm_key(level) for level in ALARM_LEVELS]
    assert f"`{routing.EVERYBODY}`" in CHANNELS["replays"]["parameters"]["listener"]["description"]
    assert f"`{routing.EVERY_EXPOSURE}`" in CHANNELS["exposures"]["description"]


def test_names_that_no_follower_may_have_are_named() -> None:
    said = CHANNELS["followerQueue"]["parameters"]["subscriber"]["description"]
    names = re.findall(r"`(\w\w+)`", said)
    assert len(names) == 4
    for name in names:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(name, SubscriberName)


def test_the_limits_in_the_text_are_those_of_the_code() -> None:
    assert f" {MOST_BYTES} bytes" in " ".join(DOCUMENT["info"]["description"].split())
    assert f"up to {MOST_EXPOSURES} exposures" in CHANNELS["replays"]["description"]
    assert f"the integer {SCHEMA_VERSION}." in DOCUMENT["info"]["description"]


def test_messages_are_sent_persistent() -> None:
    for operation in OPERATIONS.values():
        if operation["action"] == "send":
            assert referred(operation["bindings"]["$ref"])["amqp"]["deliveryMode"] == PERSISTENT


def test_everybody_on_the_bus_has_a_part() -> None:
    roles = {tag["name"] for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert roles == {"publisher", "follower", "tap", "QLF", "ICS"}


def test_somebody_speaks_or_listens_on_every_channel() -> None:
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in OPERATIONS.values()}
    assert used | {"rejected"} == set(CHANNELS)
