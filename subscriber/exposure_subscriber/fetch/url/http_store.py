"""A folder on a web server, read with urllib3.

Only the host that the location map leads to is asked, so redirects are not followed. Nobody is logged in: no password
is sent, nor read from a ``.netrc``. Proxies are those of the environment (``https_proxy``, ``no_proxy``), certificates
those that OpenSSL trusts on this host (``SSL_CERT_FILE``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.remote import Remote
from exposure_subscriber.fetch.source import FileState
from exposure_subscriber.fetch.url.http_index import names_beneath
from exposure_subscriber.fetch.url.store import SILENCE, Found, beginning, one_line, refusal

_LARGEST_INDEX: Final = 2**20
"""Bytes of the largest index page that is read: thousands of lines, where an exposure has about thirteen files."""

_CONNECTIONS: Final = 8
"""Connections that are kept for the next file; more files than these are hardly read at once."""

_SECOND: Final = 10**9
_REDIRECTS: Final = range(300, 400)
_SERVED: Final = (200, 206)
_HEADERS: Final = {"User-Agent": "exposure-bus", "Accept-Encoding": "identity"}
"""Identity: the bytes that are asked for are those of the file, also where the server would pack them."""


_SIZE: Final = re.compile("[0-9]{1,18}", re.ASCII)


class HttpStream:
    """A file as it comes in.

    Args:
        where: Its URL, for messages.
        response: The answer, of which nothing has been read.
        asked: The offset that was asked for.
    """

    def __init__(self, where: str, response: BaseHTTPResponse, asked: int) -> None:
        self._where = where
        self._response = response
        self.begins = beginning(where, response.headers.get("Content-Range"), asked)

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer with what comes next, and return how many bytes came; 0 at the end."""
        with _speaking(self._where):
            block = self._response.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Let go of it; what was read to its end leaves a connection that serves again."""
        self._response.close()


class HttpStore:
    """A folder on a web server.

    Args:
        remote: Where it is.
    """

    def __init__(self, remote: Remote) -> None:
        self._where = remote.url
        with _speaking(self._where):
            self._pool = _pool(remote)

    def names(self) -> list[str]:
        """Return what the index page of the folder links to, directly in it."""
        folder = f"{self._where}/"
        response = self._ask("GET", folder)
        try:
            with _speaking(folder):
                page = response.read(_LARGEST_INDEX + 1)
        finally:
            response.close()
        if len(page) > _LARGEST_INDEX:
            raise SourceUnreachable(f"cannot read {folder}: more than {_LARGEST_INDEX} bytes are no index page")
        return names_beneath(page.decode(errors="replace"), folder)

    def look(self, name: str) -> Found:
        """Ask what a file is like now."""
        url = self._url(name)
        response = self._ask("HEAD", url)
        response.drain_conn()  # of nothing: it is what leaves a connection that serves again
        headers = response.headers
        size = headers.get("Content-Length", "")
        if not _SIZE.fullmatch(size):
            raise SourceUnreachable(f"cannot read {url}: the server does not tell how long it is")
        return Found(state=FileState(int(size), _time(headers.get("Last-Modified"))), tag=headers.get("ETag"))

    def stream(self, name: str, offset: int) -> HttpStream:
        """Begin to read a file from an offset in bytes, or from its beginning if the server knows no offsets."""
        url = self._url(name)
        response = self._ask("GET", url, {"Range": f"bytes={offset}-"} if offset else {})
        try:
            return HttpStream(url, response, offset)
        except SourceUnreachable:
            response.close()
            raise

    def close(self) -> None:
        """End all connections."""
        self._pool.clear()

    def _url(self, name: str) -> str:
        return f"{self._where}/{quote(name, safe='+=,@')}"

    def _ask(self, method: str, url: str, headers: dict[str, str] | None = None) -> BaseHTTPResponse:
        with _speaking(url):
            response = self._pool.request(
                method,
                url,
                headers={**_HEADERS, **(headers or {})},
                retries=False,  # nor redirects
                preload_content=False,
                decode_content=False,
            )
        if response.status in _SERVED:
            return response
        response.close()
        if response.status in _REDIRECTS:
            raise LocationRefused(
                f"{url} leads to {response.headers.get('Location', 'nowhere')[:200]!r}, which is not followed: if that "
                "may be read, let the location map lead there"
            )
        raise refusal(url, response.status)


def _pool(remote: Remote) -> PoolManager:
    timeout = Timeout(connect=SILENCE, read=SILENCE)
    proxy = None if proxy_bypass(remote.host) else getproxies().get(remote.scheme)
    if proxy:
        return ProxyManager(proxy, timeout=timeout, maxsize=_CONNECTIONS)
    return PoolManager(timeout=timeout, maxsize=_CONNECTIONS)


def _time(date: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(date or "").timestamp()) * _SECOND
    except (ValueError, OverflowError):  # none, or none that can be understood
        return None


@contextmanager
def _speaking(where: str) -> Iterator[None]:
    """Translate what urllib3 and the system below it say into our words."""
    try:
        yield
    except (HTTPError, OSError, ValueError) as error:  # urllib3 lets through what int() says of a chunk's length
        raise SourceUnreachable(f"cannot read {where}: {_why(error)}") from error


def _why(error: BaseException) -> str:
    root = _root(error)
    if isinstance(root, OSError) and root.strerror:
        return root.strerror
    return f"the server has been silent for {SILENCE:g} s" if isinstance(root, TimeoutError) else one_line(root)


def _root(error: BaseException) -> BaseException:
    """Return what was said first: urllib3 wraps it, as the cause or as an argument, and not always once."""
    while below := error.__cause__ or next((said for said in error.args if isinstance(said, BaseException)), None):
        error = below
    return error
