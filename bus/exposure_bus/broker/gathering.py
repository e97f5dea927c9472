"""A connection that sends what one turn of the loop has written in one go.

pika hands each frame to the kernel by itself, three for a message: for a page of two hundred messages six hundred
system calls, which were the largest part of what they cost the relay.
"""

from typing import Any

from pika import SelectConnection


class GatheringConnection(SelectConnection):  # type: ignore[misc]  # pika types none of its adapters
    """pika's connection for its own loop, with one write a turn; arguments are those of `pika.SelectConnection`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._gathered: list[bytes] = []
        super().__init__(*arguments, **named)

    def _adapter_emit_data(self, data: bytes) -> None:
        """Keep a frame until the turn ends; pika calls this for each, in order."""
        if not self._gathered:
            self.ioloop.add_callback(self._emit)
        self._gathered.append(data)

    def _emit(self) -> None:
        together, self._gathered = b"".join(self._gathered), []
        if self._transport is not None:  # else the connection was lost in this turn
            super()._adapter_emit_data(together)
