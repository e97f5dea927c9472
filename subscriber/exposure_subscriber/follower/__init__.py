"""The follower: takes what comes from the broker into the cache, and asks for what is missing."""

from exposure_subscriber.follower.follower import Follower

__all__ = ["Follower"]
