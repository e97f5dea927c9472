"""Which ledger a URL asks for."""

from exposure_publisher.ledger.ledger import Ledger


def open_ledger(url: str, *, create: bool = True) -> Ledger:
    """Open the ledger of an exposureDB; raises as `Ledger`."""
    if url.startswith("sqlite"):
        from exposure_publisher.ledger.sqlite import SqliteLedger  # noqa: PLC0415 (one of the two is used)

        return SqliteLedger(url, create=create)
    from exposure_publisher.ledger.postgresql import PostgresqlLedger  # noqa: PLC0415 (likewise)

    return PostgresqlLedger(url, create=create)
