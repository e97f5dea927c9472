"""Which files have been brought where, for the audit's report and for latencies.

It is a note beside the fetch, not a part of it: files that are there are there, whether it can be written or not.
"""

import logging
from typing import TYPE_CHECKING, Any, Final

from exposure_bus.errors import DatabaseError
from exposure_schemas import Exposure
from exposure_subscriber.cache.database import CacheDatabase
from exposure_subscriber.cache.moments import now_micros, to_micros

if TYPE_CHECKING:
    from exposure_subscriber.fetch import FilePath

log = logging.getLogger(__name__)

# Who looks again at files that are there already does not make them late.
_KEEP: Final = """INSERT INTO fetched (folder, expid, data_written_at, fetched_at, files, verified)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (folder, expid) DO UPDATE SET
        fetched_at = CASE WHEN fetched.data_written_at = excluded.data_written_at
            THEN fetched.fetched_at ELSE excluded.fetched_at END,
        data_written_at = excluded.data_written_at, files = excluded.files, verified = excluded.verified"""


def keep_fetched(writer: Any, exposure: Exposure, found: "FilePath") -> None:
    """Write, in a transaction, that an exposure's files have just been brought to a folder.

    Args:
        writer: The transaction.
        exposure: The state of the exposure that was fetched.
        found: What the fetch returned.
    """
    verified = sum(file.verified for file in found.files)
    written_at = to_micros(exposure.data_written_at)
    writer.execute(_KEEP, (str(found), exposure.expid, written_at, now_micros(), len(found.files), verified))


def note_fetched(database: CacheDatabase, exposure: Exposure, found: "FilePath") -> None:
    """Write it in a transaction of its own; a cache that cannot be written to now is no reason to fail.

    Args:
        database: The cache.
        exposure: The state of the exposure that was fetched.
        found: What the fetch returned.
    """
    try:
        with database.transaction() as writer:
            keep_fetched(writer, exposure, found)
    except DatabaseError as error:
        log.debug("not noted that exposure %d was fetched to %s: %s", exposure.expid, found, error)
