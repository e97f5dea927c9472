"""The manifest: which files an exposure has on disk, by class, with size and checksum.

Folders are read, and files are hashed, by threads beside the relay's loop. What was hashed is not hashed again while
its size, its times and its inode are what they were.
"""

from exposure_publisher.manifest.folder import Folder, location_of, look_into
from exposure_publisher.manifest.job import Job, Listing
from exposure_publisher.manifest.listed import Listed
from exposure_publisher.manifest.lister import Lister
from exposure_publisher.manifest.stamp import Stamp

__all__ = ["Folder", "Job", "Listed", "Lister", "Listing", "Stamp", "location_of", "look_into"]
