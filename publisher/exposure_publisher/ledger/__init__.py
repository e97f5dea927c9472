"""The ledger: every change of the exposureDB, numbered without gaps by the relay alone.

It keeps one row an exposure, the number of its newest announced state; that of an exposure that is retracted, since its
row is gone from the exposureDB, stays. A number that a later one of the same exposure has superseded is gone, and the
next message that is sent accounts for it (`covers`).
"""

from exposure_publisher.ledger.ledger import Ledger, LedgerRow
from exposure_publisher.ledger.opening import open_ledger
from exposure_publisher.ledger.selection import Matches, Selection
from exposure_publisher.ledger.state import LedgerState
from exposure_publisher.ledger.unnumbered import Unnumbered

__all__ = ["Ledger", "LedgerRow", "LedgerState", "Matches", "Selection", "Unnumbered", "open_ledger"]
