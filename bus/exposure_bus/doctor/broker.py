"""RabbitMQ: whether each address answers, which version it is, and whether it takes messages."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from exposure_bus.broker.blocking import open_connection
from exposure_bus.broker.parameters import connection_parameters
from exposure_bus.broker.topology import ACCESS_REFUSED
from exposure_bus.doctor.finding import Finding, failed, ok, warning
from exposure_bus.doctor.host import Host
from exposure_bus.doctor.standing import check_standing
from exposure_bus.errors import BrokerError, BrokerRefused, BusError

NAME: Final = "exposure-bus doctor"

OLDEST: Final = (3, 9)
"""The first RabbitMQ that has streams."""

_NOWHERE: Final = "exposure-bus.doctor"
"""Routing key on the default exchange, where no queue has this name: a message that goes there goes nowhere."""


def check_broker(host: Host) -> Iterator[Finding]:
    """Look at each address, then at what stands in the first that answers."""
    urls = [url.strip() for url in host.settings.broker_url.split(",")]
    tried = {url: _try(url) for url in urls}
    answering = next((url for url, result in tried.items() if isinstance(result, Finding)), None)
    for url, result in tried.items():
        yield result if isinstance(result, Finding) else _no_answer(url, result, others=answering is not None)
    if answering is not None:
        with open_connection(answering, NAME) as connection:
            yield from check_standing(connection, host.settings.subscriber)
        yield check_flow(answering)


def check_flow(url: str) -> Finding:
    """Look whether the broker takes messages: such that no queue gets come back, unless publishing is blocked."""
    with open_connection(url, NAME) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            _publish_nowhere(channel)
            _publish_nowhere(channel)  # an alarm blocks a connection after the first that is published on it
        except exceptions.ConnectionBlockedTimeout:
            return failed(
                "publishing",
                "the broker takes no messages: it has a memory or disk alarm",
                "give it room: see `rabbitmqctl status` there",
            )
        except exceptions.ChannelClosedByBroker as error:
            if error.reply_code != ACCESS_REFUSED:
                raise
            return ok("publishing", "this user may not publish to where it could be tried")
    return ok("publishing", "the broker takes messages")


def _publish_nowhere(channel: BlockingChannel) -> None:
    with suppress(exceptions.UnroutableError):
        channel.basic_publish("", _NOWHERE, b"", mandatory=True)


def _try(url: str) -> Finding | BusError:
    try:
        with open_connection(url, NAME) as connection:
            return _answer(url, connection)
    except BusError as error:
        return error


def _answer(url: str, connection: BlockingConnection) -> Finding:
    properties = connection._impl.server_properties  # noqa: SLF001 (pika tells them nowhere else)
    product, version = (_text(properties.get(key)) for key in ("product", "version"))
    check, text = f"broker {_address(url)}", f"{product} {version} answers and accepts the user"
    if _numbers(version) < OLDEST:
        return failed(check, f"{text}, but it has no streams", "upgrade RabbitMQ to 3.10 or newer")
    return ok(check, text)


def _no_answer(url: str, error: BusError, *, others: bool) -> Finding:
    if not isinstance(error, BrokerError):
        return failed("broker", str(error), "mend broker_url")
    refused = isinstance(error, BrokerRefused)
    advice = "mend user, password or virtual host in broker_url" if refused else "is RabbitMQ running there?"
    return (warning if others else failed)(f"broker {_address(url)}", str(error), advice)


def _address(url: str) -> str:
    (parameters,) = connection_parameters(url, NAME)
    return f"{parameters.host}:{parameters.port}"


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or "?"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version; one that cannot be read counts as new enough."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return numbers if len(numbers) == len(OLDEST) else OLDEST
