"""What QLF calls: summaries, files, new exposures, alarms, status."""

from exposure_subscriber.interface.interface import ICSInterface

__all__ = ["ICSInterface"]
