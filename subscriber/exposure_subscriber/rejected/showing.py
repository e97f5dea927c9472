"""One message in full, as text for a person."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from exposure_bus.moments import iso
from exposure_schemas import JSON
from exposure_subscriber.rejected.entry import Letter
from exposure_subscriber.rejected.plain import plain
from exposure_subscriber.rejected.verdict import said_by, why_not
from exposure_subscriber.verify.names import shown

HEX_BYTES: Final = 512
"""Bytes of an unreadable body that are shown."""

_A_LINE: Final = 16

_UNREADABLE: Final = (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError)
"""What a body raises that is something else."""


def lines_of(letter: Letter) -> Iterator[str]:
    """Return everything about a message, line by line; nothing in it speaks to the terminal."""
    entry = letter.entry
    facts = {
        "id": entry.id,
        "from": entry.place,
        "when": iso(entry.when) if entry.when else "",
        "reason": entry.reason or "",
        "detail": entry.detail,
        "routing key": entry.routing_key,
        "size": f"{entry.size} bytes" + (f", {len(letter.body)} kept" if letter.cut else ""),
        "readable now": _readable(letter),
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        yield f"{name:<{width}}  {shown(value)}".rstrip()
    yield "properties"
    yield from _json_lines({name: value for name, value in vars(entry.properties).items() if value is not None})
    yield "body"
    yield from _body_lines(letter)


def hex_lines(body: bytes) -> Iterator[str]:
    """Return the beginning of a body as offset, hexadecimal and ASCII."""
    for offset in range(0, min(len(body), HEX_BYTES), _A_LINE):
        line = body[offset : offset + _A_LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)  # noqa: PLR2004 (printable ASCII)
        yield f"  {offset:08x}  {line.hex(' '):<{3 * _A_LINE}} {text}"
    if len(body) > HEX_BYTES:
        yield f"  … and {len(body) - HEX_BYTES} bytes more: --raw writes them all"


def _readable(letter: Letter) -> str:
    return f"no, {why_not(letter)}" if (said := said_by(letter)) is None else f"yes: {said}"


def _body_lines(letter: Letter) -> Iterator[str]:
    readers = (
        (_from_json, _from_msgpack) if letter.entry.properties.content_type == JSON else (_from_msgpack, _from_json)
    )
    for read in readers:
        lines = _tried(read, letter.body)
        if lines is not None:
            return iter(lines)
    return hex_lines(letter.body)


def _tried(read: Callable[[bytes], Any], body: bytes) -> list[str] | None:
    try:
        return list(_json_lines(read(body)))
    except _UNREADABLE:
        return None


def _from_json(body: bytes) -> Any:
    return json.loads(body)


def _from_msgpack(body: bytes) -> Any:
    return msgspec.msgpack.decode(body)


def _json_lines(value: Any) -> Iterator[str]:
    text = json.dumps(plain(value), indent=2, ensure_ascii=False)
    return (f"  {shown(line)}" for line in text.split("\n"))
