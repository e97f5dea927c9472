"""What pika needs of the loop, with a reset at an unlucky moment told as any other."""

import socket
from collections.abc import Callable
from typing import Any

from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter


class LoopServices(SelectorIOServicesAdapter):  # type: ignore[misc]  # pika types none of its adapters
    """pika's services of its own loop.

    A broker that resets a connection in the instant in which it is made has pika raise a `ValueError` through the loop,
    which would end the daemon: it is an end of the connection, and tried again as one.
    """

    def create_streaming_connection(
        self, protocol_factory: Callable[[], Any], sock: socket.socket, on_done: Callable[[Any], None], **tls: Any
    ) -> Any:
        """Wrap a connected socket; what goes wrong is told to ``on_done``."""
        try:
            return super().create_streaming_connection(protocol_factory, sock, on_done, **tls)
        except ValueError as error:
            failure = ConnectionResetError(f"reset while it was connected: {error}")
            return self.call_later(0, lambda: on_done(failure))
