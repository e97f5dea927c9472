"""From what ICS calls a folder to where this host finds it, refusing what leads elsewhere.

A location comes over the network, so nothing in it is trusted: only absolute paths and URLs are read, and neither
may climb with ``..``, hide a control character or look like an option. Another host is asked only if the location
map leads to it: the map is the list of hosts and folders that may be read.
"""

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.remote import canonical_url, url_of_host_and_path

FILE: Final = "file"
"""The scheme of a path."""

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)")
_THIS_HOST: Final = ("", "localhost")
_ODD: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of characters that no encoding can write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where an exposure's files are."""

    text: str
    """A normalised absolute path, or a URL of a scheme other than ``file``."""
    root: str | None = None
    """The folder that the location map leads to, out of which it must not lead; None if the map says nothing."""

    @property
    def scheme(self) -> str:
        """How it is read: ``file`` for a path."""
        found = _URL.fullmatch(self.text)
        return found[1] if found else FILE

    @property
    def path(self) -> Path:
        """The folder on this host.

        Raises:
            LocationRefused: It is on another host: only copying brings its files here.
        """
        if self.scheme != FILE:
            raise LocationRefused(f"{self.text!r} is no folder of this host; give a destination to copy to")
        return Path(self.text)


def resolve(data_location: str | None, location_map: Mapping[str, str]) -> Location:
    """Return where an exposure's files are for this host.

    Args:
        data_location: What ICS calls it: an absolute path or a URL.
        location_map: Prefix to prefix; the longest that matches at a border between path components is replaced.

    Raises:
        SourceUnreachable: There is no data location.
        LocationRefused: It is relative, climbs with ``..``, carries a control character, looks like an option, or is
            on another host that the location map does not lead to.
    """
    if not data_location:
        raise SourceUnreachable("the exposure has no data location: ask ICS where its files are")
    location = canonical(data_location)
    targets = _canonical_map(location_map)
    for prefix in sorted(targets, key=len, reverse=True):
        stem = prefix.rstrip("/")
        if location == prefix or location.startswith(stem + "/"):
            root = targets[prefix]
            return Location(text=canonical(root.rstrip("/") + location[len(stem) :]), root=root)
    return _unmapped(location)


def _unmapped(location: str) -> Location:
    unmapped = Location(text=location)
    if unmapped.scheme != FILE:
        raise LocationRefused(
            f"location {location!r} is on another host, and the location map leads to no folder there: "
            f"if it may be read, add {location!r}, or a folder above it, to the map"
        )
    return unmapped


def canonical(text: str) -> str:
    """Return the one spelling of a location: a normalised absolute path, or a URL of another scheme than ``file``.

    rsync's ``host:path`` becomes ``ssh://host/path``, or ``ssh://host/~/path`` where it is relative to a home.

    Raises:
        LocationRefused: It is neither, or leads where it must not.
    """
    _refuse_odd(text, text)
    url = _URL.fullmatch(url_of_host_and_path(text) or text)
    if url is None:
        return _canonical_path(text, text)
    scheme, rest = url[1].lower(), url[2]
    if scheme == FILE:
        return _canonical_path(_path_of_url(rest, text), text)
    return canonical_url(scheme, rest)


def is_beneath(path: str, root: str) -> bool:
    """Say whether a path, its symbolic links followed, is a root or lies beneath it."""
    real_root = os.path.realpath(root)
    return os.path.commonpath([os.path.realpath(path), real_root]) == real_root


def _canonical_map(location_map: Mapping[str, str]) -> dict[str, str]:
    try:
        return {canonical(prefix): canonical(target) for prefix, target in location_map.items()}
    except LocationRefused as error:
        raise LocationRefused(f"in the location map, {error}") from error


def _path_of_url(rest: str, text: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in _THIS_HOST:
        raise LocationRefused(f"location {text!r} is on host {host!r}; a file URL must name none, as in file:///data")
    decoded = unquote(slash + path, errors="surrogateescape")
    _refuse_odd(decoded, text)
    return decoded


def _canonical_path(path: str, text: str) -> str:
    if not path.startswith("/"):
        raise LocationRefused(f"location {text!r} is neither an absolute path nor a URL")
    return "/" + posixpath.normpath(path).lstrip("/")


def _refuse_odd(path: str, text: str) -> None:
    if path.startswith("-"):
        raise LocationRefused(f"location {text!r} begins with '-', like an option")
    if _ODD.search(path):
        raise LocationRefused(f"location {text!r} contains a control character")
    if ".." in path.split("/"):
        raise LocationRefused(f"location {text!r} climbs with '..'")
