"""Reading from an rsync daemon, or by rsync over ssh."""

from exposure_subscriber.fetch.rsync.source import RsyncSource

__all__ = ["RsyncSource"]
