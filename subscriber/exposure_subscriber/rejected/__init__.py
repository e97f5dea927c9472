"""Messages that were set aside: looked at, sent to the follower again, or dropped.

They lie in two places. What a follower could not decode lies in its cache, as the table ``rejected``. What the broker
took out of a follower's queue (delivered too often, or the queue was full) lies in the queue ``exposures.rejected``,
which all followers share.
"""

from exposure_subscriber.rejected.entry import Entry, Letter
from exposure_subscriber.rejected.looking import Look, looking
from exposure_subscriber.rejected.outcome import Outcome

__all__ = ["Entry", "Letter", "Look", "Outcome", "looking"]
