"""The ICS side: the exposureDB, its ledger, and the relay that takes every change to the bus."""

from exposure_publisher.exposuredb import ExposureDB

__all__ = ["ExposureDB"]
