"""Bringing an exposure's files: verified, and whole or not at all under their names."""

from exposure_subscriber.fetch.fetch import Fetching
from exposure_subscriber.fetch.file_path import FetchedFile, FilePath

__all__ = ["FetchedFile", "Fetching", "FilePath"]
