"""Databases: what a URL says, and how a commit of another process wakes this one."""

from exposure_bus.database.url import sqlite_path
from exposure_bus.database.watch import LOOK_AGAIN, CommitWatch, wait_for_commit, watch_commits, watching

__all__ = ["LOOK_AGAIN", "CommitWatch", "sqlite_path", "wait_for_commit", "watch_commits", "watching"]
