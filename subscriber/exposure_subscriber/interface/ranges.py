"""What a caller asks for: a range of dates or of expids, or the last one."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

from exposure_subscriber.cache.moments import to_micros
from exposure_subscriber.errors import RangeError

LAST: Final = "last"

DateRange = tuple[datetime | None, datetime | None] | Literal["last"]
ExpidRange = tuple[int | None, int | None] | Literal["last"]

_LARGEST_EXPID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Selection:
    """A clause for the cache, and its values."""

    where: str
    values: tuple[Any, ...]


def select(date_range: Any, expid_range: Any, *, require_data_written: bool) -> Selection:
    """Make a selection of what a caller gave.

    Args:
        date_range: ``(low, high)`` datetimes, both included, ``None`` at one end leaves it open; or ``"last"``.
        expid_range: ``(low, high)``, both included, with one end ``None`` the other alone; or ``"last"``.
        require_data_written: Only exposures whose data is all on disk.

    Raises:
        RangeError: No range, two, a reversed one, or a wrong type.
    """
    if (date_range is None) == (expid_range is None):
        given = "neither" if date_range is None else f"date_range={date_range!r} and expid_range={expid_range!r}"
        raise RangeError(f"give date_range or expid_range, one of the two; given: {given}")
    chosen = _by_expid(expid_range) if date_range is None else _by_date(date_range)
    return Selection(_written(chosen.where), chosen.values) if require_data_written else chosen


@cache
def _written(where: str) -> str:
    condition, order = where.split("ORDER BY")
    joined = f"{condition}AND data_written = 1 " if condition else "WHERE data_written = 1 "
    return f"{joined}ORDER BY{order}"


def _by_expid(given: Any) -> Selection:
    if isinstance(given, str) and given == LAST:
        return Selection("ORDER BY expid DESC LIMIT 1", ())
    ends = [_expid(given, end) for end in _pair("expid_range", given, "integers") if end is not None]
    low, high = ends[0], ends[-1]
    if low > high:
        raise RangeError(f"expid_range={given!r} is reversed: the low end comes first")
    # No database holds a larger number, so such an end excludes nothing.
    values = (min(low, _LARGEST_EXPID), min(high, _LARGEST_EXPID)) if low <= _LARGEST_EXPID else (1, 0)
    return Selection("WHERE expid BETWEEN ? AND ? ORDER BY expid", (max(values[0], -1), max(values[1], -1)))


def _expid(given: Any, end: Any) -> int:
    # numpy's integers are integers; asking for `SupportsIndex` would take as long as the query.
    if hasattr(end, "__index__") and not isinstance(end, bool):
        return operator.index(end)
    raise RangeError(f"expid_range={given!r}: expids are integers, {end!r} is {type(end).__name__}")


def _by_date(given: Any) -> Selection:
    if isinstance(given, str) and given == LAST:
        return Selection("ORDER BY data_written_at DESC, expid DESC LIMIT 1", ())
    low, high = (_moment(given, end) for end in _pair("date_range", given, "datetimes"))
    if low is not None and high is not None and low > high:
        raise RangeError(f"date_range={given!r} is reversed: the early end comes first")
    conditions = {"data_written_at >= ?": low, "data_written_at <= ?": high}
    where = " AND ".join(condition for condition, end in conditions.items() if end is not None)
    values = tuple(to_micros(end) for end in (low, high) if end is not None)
    return Selection(f"WHERE {where} ORDER BY expid", values)


def _pair(name: str, given: Any, of: str) -> Sequence[Any]:
    if isinstance(given, str | bytes | bytearray) or not isinstance(given, Sequence) or len(given) != 2:  # noqa: PLR2004 (low and high)
        raise RangeError(f'{name}={given!r}: give (low, high), two {of} of which one may be None, or "last"')
    if given[0] is None and given[1] is None:
        raise RangeError(f"{name}={given!r}: both ends are open; give one at least")
    return given


def _moment(given: Any, end: Any) -> datetime | None:
    if end is None:
        return None
    if not isinstance(end, datetime):
        raise RangeError(f"date_range={given!r}: its ends are datetimes, {end!r} is {type(end).__name__}")
    return end.replace(tzinfo=UTC) if end.utcoffset() is None else end
