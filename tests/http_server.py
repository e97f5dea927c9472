"""A web server of one's own on loopback, which serves a folder well, or badly on purpose.

It knows ranges, dates, tags and index pages, as the usual ones do. As its answers to HEAD and GET are also those of an
S3 endpoint that is asked for an object, it stands in for one where that shall misbehave.
"""

import email.utils
import os
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote, unquote, urlsplit

BLOCK = 64 * 1024


@dataclass(slots=True)
class Faults:
    """What the server does wrong from now on; by default nothing."""

    status: int | None = None
    """Answer everything with this status."""
    redirect: str | None = None
    """Send everybody there."""
    ranges: bool = True
    """Know ranges; without, all of a file comes whatever is asked."""
    shift: int = 0
    """Begin a range so many bytes too late, and say so."""
    cut_after: int | None = None
    """Break the connection after so many bytes of a file."""
    hold_after: int | None = None
    """Say nothing more after so many bytes of a file, until the server ends."""
    headers: dict[str, str | None] = field(default_factory=dict)
    """Other values of headers; None leaves one out."""
    index: str | None = None
    """Another index page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    connection: tuple[str, int]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at what was asked."""

    def _answer(self) -> None:
        ours, faults = self.server.ours, self.server.ours.faults
        headers = {name.lower(): value for name, value in self.headers.items()}
        ours.asked.append(Asked(self.command, self.path, headers, self.client_address))
        path = ours.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if faults.redirect is not None:
            self._send(302, {"Location": faults.redirect})
        elif faults.status is not None:
            self._send(faults.status, {})
        elif path.is_dir():
            self._send_index(path)
        elif path.is_file():
            with path.open("rb") as file:
                self._send_file(file)
        else:
            self._send(404, {})

    def _send(self, status: int, headers: dict[str, str], length: int = 0) -> None:
        self.send_response(status)
        values: dict[str, str | None] = {"Content-Length": str(length), **headers, **self.server.ours.faults.headers}
        for name, value in values.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def _send_index(self, folder: Path) -> None:
        entries = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
        links = "\n".join(f'<a href="{quote(name)}">{escape(name)}</a>' for name in ["../", *entries])
        page = self.server.ours.faults.index or f'<html><body><a href="?C=N;O=D">Name</a>\n{links}</body></html>'
        content = page.encode()
        self._send(200, {"Content-Type": "text/html; charset=utf-8"}, len(content))
        if self.command == "GET":
            self.wfile.write(content)

    def _send_file(self, file: BinaryIO) -> None:
        state = os.fstat(file.fileno())
        headers = {
            "Last-Modified": email.utils.formatdate(state.st_mtime, usegmt=True),
            "ETag": f'"{state.st_mtime_ns:x}-{state.st_size:x}"',
        }
        begin = self._asked_for(state.st_size)
        if begin is None:
            self._send(200, headers, state.st_size)
        else:
            headers["Content-Range"] = f"bytes {begin}-{state.st_size - 1}/{state.st_size}"
            self._send(206, headers, state.st_size - begin)
        if self.command == "GET":
            file.seek(begin or 0)
            self._send_content(file, state.st_size - (begin or 0))

    def _asked_for(self, size: int) -> int | None:
        faults = self.server.ours.faults
        found = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if found is None or not faults.ranges:
            return None
        assert int(found[1]) < size, "a range without a byte was asked for"
        return int(found[1]) + faults.shift

    def _send_content(self, file: BinaryIO, promised: int) -> None:
        ours, faults = self.server.ours, self.server.ours.faults
        limits = [limit for limit in (faults.cut_after, faults.hold_after) if limit is not None]
        left = min([promised, *limits])
        while block := file.read(min(BLOCK, left)):
            self.wfile.write(block)
            left -= len(block)
        if faults.hold_after is not None:
            ours.holds.set()
            ours.ending.wait()
        if limits or left:  # left: the file has become shorter meanwhile
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    ours: "HttpServer"
    connections: list[socket.socket]

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, _request: object, _client: object) -> None:
        """Say nothing where a client has left, as it does when it is refused."""


class HttpServer:
    """The server; a context manager, which ends it and all its connections.

    Args:
        folder: What it serves.
        tls: With what it speaks TLS; None speaks plain HTTP.
    """

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.holds = threading.Event()
        """Set when a file is held back."""
        self.ending = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.ours = self
        self._server.connections = []
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def ranges(self, name: str) -> list[str | None]:
        """What was asked of a file's content, in order."""
        of_it = [asked for asked in self.asked if asked.method == "GET" and asked.target.endswith(f"/{name}")]
        return [asked.headers.get("range") for asked in of_it]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def kill(self) -> None:
        """End at once, with all connections; may be called twice."""
        self.ending.set()
        self._server.shutdown()
        for connection in self._server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side was quicker
                continue
        self._server.server_close()

    def kill_in_mid_file(self) -> threading.Thread:
        """End as soon as a file is held back, from a thread that is returned."""

        def run() -> None:
            self.holds.wait()
            self.kill()

        killer = threading.Thread(target=run)
        killer.start()
        return killer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._thread.join()
