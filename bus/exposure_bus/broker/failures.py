"""pika's errors become ours, here and nowhere else."""

import re
from typing import Final

from pika import exceptions
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from exposure_bus.errors import BrokerError, BrokerRefused, BrokerUnreachable

FOREIGN: Final = (exceptions.AMQPError, AMQPConnectorException, OSError)
"""Whatever pika raises; what it raises while connecting is of a family of its own."""

_LASTING: Final = {402, 403, 404, 405, 406, 530, 540}
"""AMQP reply codes that another try does not change."""

_NODE_IS_DOWN: Final = "down or inaccessible"
"""What a queue's 404 says while the node that holds it starts."""

_PROBABLY_CREDENTIALS: Final = (exceptions.ProbableAuthenticationError, exceptions.ProbableAccessDeniedError)
"""What pika makes of whatever ends a connection while it logs in: of a broker's no, and of a cable that was pulled."""

_SAID_BY_BROKER: Final = re.compile(r"ConnectionClosedByBroker: \((\d+)\)")
"""How the text of these begins if the broker itself closed the connection, with its reply code."""


def translate(error: BaseException, address: str) -> BrokerError:
    """Return our error for one of pika's.

    Args:
        error: What pika raised.
        address: Host and port of the broker, for the message.
    """
    cause = _root(error)
    if _is_about_credentials(cause):
        return BrokerRefused(
            f"the broker at {address} refuses the user, the password or the virtual host: {_text(cause)}"
        )
    if getattr(cause, "reply_code", None) in _LASTING and _NODE_IS_DOWN not in _text(cause):
        return BrokerRefused(f"the broker at {address} refuses: {_text(cause)}")
    return BrokerUnreachable(f"the broker at {address} does not answer: {_text(cause)}")


def _is_about_credentials(error: BaseException) -> bool:
    if not isinstance(error, _PROBABLY_CREDENTIALS):
        return isinstance(error, exceptions.AuthenticationError)
    said = _SAID_BY_BROKER.match(_text(error))
    return said is not None and int(said[1]) in _LASTING


def _root(error: BaseException) -> BaseException:
    """Find what happened below pika's layers: they wrap the cause in `exceptions`, `exception` or ``args``."""
    wrapped = [*error.args, getattr(error, "exception", None), *getattr(error, "exceptions", ())]
    inner = [each for each in wrapped if isinstance(each, BaseException)]
    return _root(inner[-1]) if inner else error


def _text(error: BaseException) -> str:
    reply = getattr(error, "reply_text", None)
    if reply:
        return str(reply)
    text = ", ".join(str(arg) for arg in error.args) if isinstance(error, exceptions.AMQPError) else str(error)
    return text or type(error).__name__
