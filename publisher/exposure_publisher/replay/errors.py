"""What can go wrong with a replay beside what the broker and the exposureDB raise.

BrokerError
└── NoFollower      nobody has a queue at the broker that it would go to
"""

from exposure_bus.errors import BrokerError
from exposure_schemas.routing import EVERYBODY


class NoFollower(BrokerError):
    """Nobody has a queue at the broker that a replay would go to.

    Args:
        to: The follower's name that was given, or `exposure_schemas.routing.EVERYBODY`.
    """

    def __init__(self, to: str) -> None:
        whom = "no follower" if to == EVERYBODY else f"no follower named {to}"
        super().__init__(f"{whom} has a queue at the broker: start `exposure-bus follow` there")
