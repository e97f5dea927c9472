"""The exposureDB: its table, the triggers that write the ledger, and `ExposureDB` for code that writes exposures."""

from exposure_publisher.exposuredb.exposure_db import ExposureDB

__all__ = ["ExposureDB"]
