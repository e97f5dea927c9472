"""Reading by URL: over HTTP, or from an S3 bucket."""

from exposure_subscriber.fetch.url.source import UrlSource

__all__ = ["UrlSource"]
