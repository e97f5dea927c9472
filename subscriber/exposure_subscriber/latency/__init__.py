"""How long exposures took from stage to stage: written, numbered, published, confirmed, received, cached, fetched."""

from exposure_subscriber.latency.night import Night, read_night
from exposure_subscriber.latency.passage import Passage
from exposure_subscriber.latency.spread import COLUMNS, rows_of

__all__ = ["COLUMNS", "Night", "Passage", "read_night", "rows_of"]
