"""An exposureDB with years of exposures behind it, all of them announced: made by the database, in seconds."""

from contextlib import closing
from typing import Final

from benchmarks.raw import connect
from exposure_publisher import ExposureDB

# An exposure each four minutes, a hundred a night. {n} is its number, from 1; {moment} what the table keeps for a time.
# Every fraction is one division of whole numbers, which both databases round alike.
ROW: Final = """{n}, ({n} * 37 % 36000) / 100.0, ({n} * 11 % 12000 - 3000) / 100.0, 900.0 + {n} % 7, 'dark',
    {n} % 20000, 'science', {moment}, {night}, (90 + {n} % 50) / 100.0, (100 + {n} % 100) / 100.0,
    (80 + {n} % 20) / 100.0, (210 + {n} % 10) / 10.0, 180.0 + {n} % 30, {true},
    '/exposures/desi/' || {night} || '/' || {name}, {moment}"""
"""The columns of ``exposure``, in order."""

_SQLITE: Final = {
    "n": "n",
    "numbers": """(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
        SELECT n FROM numbers)""",
    "moment": "strftime('%Y-%m-%d %H:%M:%f123', '2020-01-01', (n * 240) || ' seconds')",
    "night": "CAST(strftime('%Y%m%d', '2020-01-01', (n / 100) || ' days') AS INTEGER)",
    "true": "1",
    "name": "printf('%08d', n)",
}
_POSTGRESQL: Final = {
    "n": "n",
    "numbers": "generate_series(1, {count}) AS n",
    "moment": "timestamptz '2020-01-01 00:00:00.000123+00' + n * interval '240 seconds'",
    "night": "CAST(to_char(timestamp '2020-01-01' + n / 100 * interval '1 day', 'YYYYMMDD') AS integer)",
    "true": "true",
    "name": "lpad(n::text, 8, '0')",
}

_NUMBERED: Final = (
    """INSERT INTO exposure_ledger (expid, sequence, numbered_at, files_of)
    SELECT expid, expid, data_written_at, data_written_at FROM exposure""",
    "DELETE FROM exposure_change",
    "UPDATE exposure_ledger_state SET newest = {count}, confirmed = {count}",
)


def write_history(exposure_db_url: str, count: int) -> str:
    """Fill an exposureDB, made where it is missing, with exposures 1 to ``count``, all written and announced.

    Returns:
        The epoch of its ledger.
    """
    ExposureDB(exposure_db_url).close()
    with closing(connect(exposure_db_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        for statement in (f"INSERT INTO exposure {rows(exposure_db_url, count)}", *_NUMBERED):
            cursor.execute(statement.format(count=count))
        cursor.execute("COMMIT")
        cursor.execute("ANALYZE" if exposure_db_url.startswith("sqlite") else "VACUUM ANALYZE")
        cursor.execute("SELECT epoch FROM exposure_ledger_state")
        return str(cursor.fetchone()[0])


def rows(url: str, count: int, row: str = ROW, **words: str) -> str:
    """Return the query that makes exposures 1 to ``count``.

    Args:
        url: The database in which it is to run.
        count: How many.
        row: The columns.
        words: What stands in them where that is not what an exposureDB keeps.
    """
    known = (_SQLITE if url.startswith("sqlite") else _POSTGRESQL) | words
    return f"SELECT {row.format(**known)} FROM {known['numbers'].format(count=count)}"
