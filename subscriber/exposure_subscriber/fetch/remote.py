"""Locations on other hosts: how they are spelled, and what none of them may carry.

Some of what is in them becomes an argument of a program, or of a shell on the other side. So they are made of
characters that mean nothing to either, and a host's name never begins like an option.
"""

import posixpath
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote

from exposure_subscriber.errors import LocationRefused

RSYNC: Final = "rsync"
SSH: Final = "ssh"
HTTP: Final = ("http", "https")
S3: Final = "s3"
SCHEMES: Final = (RSYNC, SSH, *HTTP, S3)
"""How other hosts are read."""

SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_+=,@%][A-Za-z0-9._+=,@%~-]*")
"""The name of a file or folder that needs no quoting anywhere, nor looks like an option or a hidden file."""

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_HOST_AND_PATH: Final = re.compile(r"(?P<where>[^/:\[\]]+|[^/:\[\]]*\[[^/\]]+\]):(?!//)(?P<path>.+)")
_HOME: Final = "~"
_LARGEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A folder on another host, in parts."""

    scheme: str
    """How it is read."""
    user: str | None
    """As whom; None leaves it to the program that reads."""
    host: str
    """The host, or for ``s3`` the bucket."""
    port: int | None
    """Its port; None for the scheme's own."""
    path: str
    """The folder, without a slash at either end; begins with ``~/`` where it is relative to a home."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Take a URL to pieces.

        Raises:
            LocationRefused: A piece is not what it must be.
        """
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES:
            known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise LocationRefused(
                f"location {url!r} cannot be read: known are absolute paths, host:path, file://, {known}"
            )
        authority, _, path = rest.partition("/")
        user, at, address = authority.rpartition("@")
        host, port = _host_and_port(address, url)
        if (at and not _USER.fullmatch(user)) or not _HOST.fullmatch(host):
            raise LocationRefused(
                f"location {url!r} names no host that can be: write {scheme}://[user@]host[:port]/path"
            )
        return cls(scheme=scheme, user=user or None, host=host, port=port, path=_path(path, url))

    @property
    def url(self) -> str:
        """The one spelling of it."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}://{user}{self.host}{port}/{self.path}".rstrip("/")


def canonical_url(scheme: str, rest: str) -> str:
    """Return the one spelling of a URL on another host.

    Raises:
        LocationRefused: Its scheme is not read, it carries a password, climbs, or has a character that none may.
    """
    return Remote.of(f"{scheme}://{rest}").url


def url_of_host_and_path(text: str) -> str | None:
    """Return the URL that rsync's ``[user@]host:path`` stands for; None if the text is no such thing."""
    found = _HOST_AND_PATH.fullmatch(text)
    if found is None or found["where"] == "file":
        return None
    path = found["path"]
    return f"ssh://{found['where']}{path}" if path.startswith("/") else f"ssh://{found['where']}/{_HOME}/{path}"


def _host_and_port(address: str, url: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:]*)(:(?P<port>[0-9]{1,5}))?", address, re.ASCII)
    if found is None or int(found["port"] or 1) not in range(1, _LARGEST_PORT + 1):
        raise LocationRefused(f"location {url!r} names no host and port that can be")
    return found["host"], int(found["port"]) if found["port"] else None


def _path(path: str, url: str) -> str:
    parts = [part for part in posixpath.normpath(path).split("/") if part not in ("", ".")]
    for place, part in enumerate(parts):
        if not (SAFE_NAME.fullmatch(part) or (place == 0 and part == _HOME)) or _climbs(part):
            raise LocationRefused(
                f"location {url!r} has a part {part!r}: on another host only letters, digits and ._+=,@%~- are taken, "
                "with no dot, dash or tilde in front"
            )
    return "/".join(parts)


def _climbs(part: str) -> bool:
    decoded = unquote(part)
    return decoded in ("", ".", "..") or "/" in decoded or not decoded.isprintable()
