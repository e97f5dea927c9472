"""A TCP relay that counts what a server sends, and can stop in the middle."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_CHUNK = 64 * 1024
_HOST = "127.0.0.1"


class Relay:
    """Passes connections on to a port of loopback; a context manager, which cuts them all at its end.

    Args:
        port: Where the server listens.
        limit: How many bytes of the server's are passed on in all; None for all of them. What follows is held back.
        then: Called once that is reached; ``Relay.close`` cuts all connections.
    """

    def __init__(self, port: int, *, limit: int | None = None, then: Callable[["Relay"], None] | None = None) -> None:
        self.passed = 0
        self.reached = threading.Event()
        self._to = port
        self._limit = limit
        self._then = then
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server((_HOST, 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._closed = False

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Cut all connections, and take no more."""
        with self._lock:
            self._closed = True
            everything = [self._listener, *self._sockets]
        for one in everything:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        for thread in self._threads:
            thread.join()
        for one in [self._listener, *self._sockets]:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._serve(client, socket.create_connection((_HOST, self._to)))

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with self._lock:
            self._sockets += [client, server]
            if self._closed:
                raise OSError
        for source, sink, counted in ((client, server, False), (server, client, True)):
            thread = threading.Thread(target=self._pump, args=(source, sink, counted))
            self._threads.append(thread)
            thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if counted and not self._may_pass(len(chunk)):
                    return
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)

    def _may_pass(self, count: int) -> bool:
        with self._lock:
            passes = self._limit is None or self.passed + count <= self._limit
            self.passed += count if passes else 0
            first = not passes and not self.reached.is_set()
            if first:
                self.reached.set()
        if first and self._then:
            self._then(self)
        return passes
