"""Databases by their drivers alone: what the floors go through."""

import sqlite3
from typing import Any

import psycopg2

from exposure_bus.database import sqlite_path


def connect(url: str) -> Any:
    """Return the driver's connection, in which every statement is a transaction unless one is begun."""
    path = sqlite_path(url)
    if path is not None:
        return sqlite3.connect(path, isolation_level=None)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection
