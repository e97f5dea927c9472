"""From what a person asked for to a selection of exposures, and back to words."""

from datetime import UTC, date, datetime

from exposure_bus.errors import UsageError
from exposure_bus.moments import iso
from exposure_publisher.ledger import Selection

ONE_OF_THEM = "say which exposures: EXPID, --expid, --night, --date or --all, exactly one of them"


def selection_of(
    *,
    expid: int | None = None,
    expids: tuple[int, int] | None = None,
    night: int | None = None,
    dates: tuple[str, str] | None = None,
    everything: bool = False,
) -> Selection:
    """Return the selection that exactly one of the arguments names.

    Args:
        expid: One exposure.
        expids: Lowest and highest expid, both included.
        night: YYYYMMDD of the evening.
        dates: Earliest and latest moment, ISO 8601, both included; without a time zone they are UTC.
        everything: All exposures.

    Raises:
        UsageError: None or several are given, a range is reversed, or a value is no date.
    """
    given = [expid is not None, expids is not None, night is not None, dates is not None, everything]
    if sum(given) != 1:
        raise UsageError(ONE_OF_THEM)
    if expid is not None:
        expids = (expid, expid)
    return Selection(
        expids=expids and _in_order("--expid", *expids),
        night=None if night is None else _night(night),
        dates=dates and _moments(*dates),
    )


def described(selection: Selection) -> str:
    """Return which exposures these are, for a sentence: ``of night 20230913``; empty for all of them."""
    if selection.expids is not None:
        low, high = selection.expids
        return f"with expid {low}" if low == high else f"with expids {low} to {high}"
    if selection.dates is not None:
        return f"whose data was written from {iso(selection.dates[0])} to {iso(selection.dates[1])}"
    return "" if selection.night is None else f"of night {selection.night}"


def _in_order(option: str, low: int, high: int) -> tuple[int, int]:
    if low > high:
        raise UsageError(f"{option} {low} {high} is reversed: give the lower one first")
    return low, high


def _moments(low: str, high: str) -> tuple[datetime, datetime]:
    ends = _moment(low), _moment(high)
    if ends[0] > ends[1]:
        raise UsageError(f"--date {low} {high} is reversed: give the earlier one first")
    return ends


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--date {text!r} is no ISO 8601 date, such as 2023-09-14T03:00:00Z") from error


def _night(night: int) -> int:
    try:
        date(night // 10000, night // 100 % 100, night % 100)
    except ValueError as error:
        raise UsageError(f"--night {night} is no date YYYYMMDD: {error}") from error
    return night
