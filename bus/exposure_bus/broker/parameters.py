"""How a connection to RabbitMQ is made: addresses, deadlines, TLS."""

import re
from typing import Final

import pika

from exposure_bus.errors import SettingsError
from exposure_bus.settings import redacted

HEARTBEAT: Final = 20
"""Seconds; pika notices a dead link after twice this and ten seconds more when nothing is in flight."""

USER_TIMEOUT: Final = 6_000
"""Milliseconds that sent bytes may stay unacknowledged before the kernel gives the link up."""

CONNECT_TIMEOUT: Final = 5
"""Seconds for a TCP connection: an address behind which packets vanish."""

STACK_TIMEOUT: Final = 10
"""Seconds for TCP, TLS and AMQP together: a broker that accepts and then says nothing."""


def connection_parameters(broker_url: str, name: str) -> list[pika.URLParameters]:
    """Return the parameters for each address of a broker URL.

    Args:
        broker_url: One address, or several separated by commas. pika's own query parameters are understood, such as
            ``?ssl_options=…``.
        name: What the connection is called in the broker's own listings.

    Raises:
        SettingsError: An address cannot be read.
    """
    return [_parameters(url.strip(), name) for url in broker_url.split(",")]


def _parameters(url: str, name: str) -> pika.URLParameters:
    _check_port(url)
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError, OSError) as error:
        raise SettingsError(f"broker_url {redacted(url)!r} cannot be read: {error}") from error
    if "heartbeat=" not in url:
        parameters.heartbeat = HEARTBEAT
    parameters.socket_timeout = CONNECT_TIMEOUT
    parameters.stack_timeout = STACK_TIMEOUT
    parameters.tcp_options = {"TCP_USER_TIMEOUT": USER_TIMEOUT}
    parameters.client_properties = {"connection_name": name, "product": "exposure-bus"}
    return parameters


def _check_port(url: str) -> None:
    """Refuse a port that is no number here: URL parsers show it, and it may be the beginning of a password."""
    host_and_port = re.split("[/?#]", url.partition("://")[2])[0].rpartition("@")[2]
    port = host_and_port.rpartition("]")[2].partition(":")[2]
    if port and not port.isdecimal():
        raise SettingsError(
            f"broker_url {redacted(url)!r} cannot be read: its port is no number; "
            "percent-encode '/', '?' and '#' in a user and a password"
        )
