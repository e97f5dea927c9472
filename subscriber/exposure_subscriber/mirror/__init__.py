"""A folder that gets the files of each exposure as it is written."""

from exposure_subscriber.mirror.mirror import Mirror
from exposure_subscriber.mirror.turns import Turns

__all__ = ["Mirror", "Turns"]
