"""TCP proxies that can cut connections, and swallow what is said in one direction or in both."""

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Final

HOST: Final = "127.0.0.1"
_CHUNK: Final = 64 * 1024
_RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Passes connections on to a port of loopback.

    Args:
        loop: Where it runs.
        to: The port.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, to: int) -> None:
        self.swallows_questions = self.swallows_answers = False
        """Whether what the client says, or what the server says, never arrives; the connections stay open."""
        self.swallowed = 0
        """Bytes that never arrived."""
        self._loop = loop
        self._to = to
        self._open: set[asyncio.StreamWriter] = set()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, HOST, 0), loop).result()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def stop_listening(self) -> None:
        """Take no more connections; in the loop."""
        self._server.close()

    def cut(self) -> None:
        """Reset all connections."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._open:
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._to)
        except OSError:
            _reset(writer)
            return
        self._open |= {writer, server_writer}
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, questions=True), self._pump(server_reader, writer, questions=False)
            )
        except asyncio.CancelledError:
            pass  # all proxies end
        finally:
            self._open -= {writer, server_writer}
            _reset(writer)
            _reset(server_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, questions: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                if self.swallows_questions if questions else self.swallows_answers:
                    self.swallowed += len(chunk)
                    continue
                writer.write(chunk)
                await writer.drain()
        writer.close()


class Proxies:
    """A thread in which proxies run."""

    def __init__(self) -> None:
        self._all: list[Proxy] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def to(self, port: int) -> Proxy:
        """Open a proxy for a port."""
        self._all.append(Proxy(self._loop, port))
        return self._all[-1]

    def close(self) -> None:
        """Cut everything."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for proxy in self._all:
            proxy.stop_listening()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
