"""The ICS side: the exposureDB, its ledger, and the relay that takes every change to the bus."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exposure_publisher.exposuredb import ExposureDB

__all__ = ["ExposureDB"]


def __getattr__(name: str) -> Any:
    """Import `ExposureDB` when it is used: a verb's ``--help`` does without SQLAlchemy, which is slow to import."""
    if name != "ExposureDB":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from exposure_publisher.exposuredb import ExposureDB  # noqa: PLC0415 (see above)

    return ExposureDB
