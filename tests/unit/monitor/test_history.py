"""Reading a log over lost connections: everything once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitor.deliveries import MOMENT, exposure, summary, tapped

from exposure_monitor.history import MARGIN, History
from exposure_monitor.tapped import Tapped


def logged(offset: int, *, published_at: datetime = MOMENT, expid: int | None = None) -> Tapped:
    """Return the message at an offset of the log."""
    return tapped(summary(exposure(offset + 1 if expid is None else expid), published_at=published_at), offset=offset)


def read(history: History, messages: list[Tapped]) -> list[int | None]:
    """Return the offsets that are shown."""
    return [one.offset for one in messages if history.take(one)]


@given(st.integers(0, 30), st.lists(st.integers(0, 12), max_size=8))
def test_connections_lost_anywhere_show_every_message_once(length: int, read_before_each_loss: list[int]) -> None:
    log = [logged(offset) for offset in range(length)]
    history = History("first")
    shown = []
    for count in [*read_before_each_loss, length + 1]:
        history.resume()
        first = 0 if history.offset == "first" else int(str(history.offset))
        shown += read(history, log[first : first + count])
    assert shown == list(range(length))
    assert history.reminded


def test_what_was_published_before_the_moment_is_passed_over() -> None:
    history = History(MOMENT)
    assert history.offset == MOMENT - MARGIN
    early, late = timedelta(microseconds=-1), timedelta(microseconds=1)
    log = [logged(offset, published_at=MOMENT + late * offset) for offset in range(3)]
    assert read(history, [logged(9, published_at=MOMENT + early), *log]) == [0, 1, 2]


def test_a_moment_before_all_clocks_asks_for_the_earliest_that_the_protocol_can_say() -> None:
    assert History(datetime(1900, 1, 1, tzinfo=UTC)).offset == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_log_whose_older_part_is_gone_is_read_on_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    history = History("first")
    assert read(history, [logged(0)]) == [0]
    history.resume()
    assert read(history, [logged(7), logged(8)]) == [7, 8]
    assert caplog.messages == ["the log goes on at offset 7 after 0: what was between is gone"]


def test_another_message_under_the_last_offset_means_another_log() -> None:
    history = History("first")
    read(history, [logged(0), logged(1, published_at=MOMENT)])
    history.resume()
    assert not history.is_another_log(logged(1))
    assert history.is_another_log(logged(1, expid=99))
    history.restart()
    assert history.offset == MOMENT + timedelta(microseconds=1) - MARGIN
    later = MOMENT + timedelta(seconds=1)
    assert read(history, [logged(0), logged(1, published_at=later)]) == [1]


def test_a_log_is_no_other_while_it_is_read_on() -> None:
    history = History("first")
    read(history, [logged(0)])
    assert not history.is_another_log(logged(0, expid=99))


@pytest.mark.parametrize(
    ("start", "first", "said"),
    [
        ("first", logged(0), ""),
        ("first", logged(12), "the log begins at 2023-09-14T03:04:05Z: the 12 messages before are no longer kept"),
        (MOMENT, logged(12), ""),
        (
            MOMENT - timedelta(days=1),
            logged(12),
            "the log begins at 2023-09-14T03:04:05Z, later than asked: what was before is not in it",
        ),
    ],
)
def test_a_beginning_later_than_asked_is_told(
    start: object, first: Tapped, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    History(start).note_beginning(first)  # type: ignore[arg-type] # parametrize forgets the type
    assert "".join(caplog.messages) == said
