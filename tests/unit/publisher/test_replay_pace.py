"""The pace of a replay, by a clock that tests turn."""

from hypothesis import given
from hypothesis import strategies as st

from exposure_publisher.replay import Pace
from exposure_schemas import MOST_EXPOSURES


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _sending_times(pace: Pace, clock: Clock, delays: list[float]) -> list[float]:
    """Send a full message after each delay (in seconds), as soon as the pace lets it go."""
    times = []
    for delay in delays:
        clock.now += delay
        clock.now += pace.wait()
        pace.spend(pace.page)
        times.append(clock.now)
    return times


@given(rate=st.floats(0.01, 100_000), delays=st.lists(st.floats(0, 20), min_size=1, max_size=60))
def test_no_span_of_time_sees_more_than_the_rate_and_two_messages(rate: float, delays: list[float]) -> None:
    clock = Clock()
    pace = Pace(rate, clock)
    times = _sending_times(pace, clock, delays)
    for first, begun in enumerate(times):
        for last in range(first, len(times)):
            sent = (last - first + 1) * pace.page
            assert sent <= rate * (times[last] - begun) + 2 * pace.page + 1e-6 * sent


@given(rate=st.floats(1, 100_000), late=st.lists(st.floats(0, 0.5), min_size=20, max_size=60))
def test_steps_that_are_a_little_late_do_not_slow_it_down(rate: float, late: list[float]) -> None:
    clock = Clock()
    pace = Pace(rate, clock)
    interval = pace.page / rate
    times = _sending_times(pace, clock, [interval * each for each in late])
    assert times[-1] - times[0] <= interval * len(times) * 1.001


def test_messages_are_small_enough_to_go_smoothly() -> None:
    assert Pace(None).page == MOST_EXPOSURES
    assert Pace(1_000_000).page == MOST_EXPOSURES
    assert Pace(200).page == 20
    assert Pace(0.5).page == 1


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None, Clock())
    pace.spend(10**9)
    assert pace.wait() == 0


def test_after_a_refusal_nothing_goes_for_a_while_even_without_a_rate() -> None:
    clock = Clock()
    pace = Pace(None, clock)
    pace.hold(1.5)
    assert pace.wait() == 1.5
    clock.now += 1.5
    assert pace.wait() == 0
