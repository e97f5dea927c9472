"""Tables of exposures, CSV or ECSV, read into typed rows of the exposureDB's sixteen columns.

table = ExposureTable(path)          # the header is read and understood, or `UnreadableTable`
found = check(table)                 # every row is read; what is wrong is in `found.bad`
db.record_many(good_rows(table))     # read once more, straight into one transaction
"""

from exposure_publisher.tables.aliases import ALIASES
from exposure_publisher.tables.check import Check, check, good_rows
from exposure_publisher.tables.errors import BadRows, UnreadableTable
from exposure_publisher.tables.loading import check_tables, load_tables
from exposure_publisher.tables.location import data_location
from exposure_publisher.tables.reader import BadRow, ExposureTable, Row

__all__ = [
    "ALIASES",
    "BadRow",
    "BadRows",
    "Check",
    "ExposureTable",
    "Row",
    "UnreadableTable",
    "check",
    "check_tables",
    "data_location",
    "good_rows",
    "load_tables",
]
