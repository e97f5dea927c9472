"""Deliveries as pika hands them over, for tests without a broker."""

from datetime import UTC, datetime
from typing import Any

import pika

from exposure_bus.broker import properties_for
from exposure_monitor.tapped import Tapped, read_tapped
from exposure_schemas import Exposure, ExposureSummary, Message, encode

MOMENT = datetime(2023, 9, 14, 3, 4, 5, 678_900, tzinfo=UTC)


def exposure(expid: int = 195972, **values: Any) -> Exposure:
    known: dict[str, Any] = {"night": 20230913, "data_written_at": MOMENT, "sequence": expid}
    return Exposure(expid=expid, **(known | values))


def summary(*exposures: Exposure, **values: Any) -> ExposureSummary:
    known: dict[str, Any] = {"epoch": "epoch", "covers": None, "replayed": False, "published_at": MOMENT}
    return ExposureSummary(exposures=exposures, **(known | values))


def tapped(
    message: Message,
    *,
    exchange: str = "exposures",
    routing_key: str = "exposure.written.science.dark",
    offset: int | None = None,
) -> Tapped:
    """Return a message as a tap sees it."""
    return tapped_body(encode(message), properties_for(message, "id"), exchange, routing_key, offset)


def tapped_body(
    body: bytes,
    properties: pika.BasicProperties,
    exchange: str = "exposures",
    routing_key: Any = "exposure.written.science.dark",
    offset: int | None = None,
) -> Tapped:
    """Return any body as a tap sees it."""
    if offset is not None:
        properties.headers = {**(properties.headers or {}), "x-stream-offset": offset}
    method = pika.spec.Basic.Deliver("consumer", 1, False, exchange, routing_key)  # noqa: FBT003 (pika's own order)
    return read_tapped(method, properties, body, logged=offset is not None)
