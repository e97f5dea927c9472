"""Attaching the bus to a table of exposures that somebody else writes, who knows nothing of us.

Beside their table stand a ledger of ours, a view that shows their rows as exposures, and triggers on their table that
write each change down. On PostgreSQL all but the triggers is in a schema of its own, ``exposure_bus``; in a SQLite file
the view is each connection's own. The rest of this side does not know the difference.
"""

from exposure_publisher.attach.attaching import Outcome, attach, detach, script
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.attach.profiles import PROFILES, mapping_of

__all__ = ["PROFILES", "Mapping", "Outcome", "attach", "detach", "mapping_of", "script"]
