"""How far the broker has everything: the watermark against a model."""

from hypothesis import given
from hypothesis import strategies as st

from exposure_publisher.relay.unconfirmed import Unconfirmed


@given(st.integers(0, 5), st.lists(st.integers(1, 3), max_size=12), st.data())
def test_everything_up_to_the_watermark_is_confirmed_and_the_next_number_is_not(
    start: int, lengths: list[int], data: st.DataObject
) -> None:
    spans, last = [], start
    unconfirmed = Unconfirmed(start)
    for length in lengths:
        spans.append((last + 1, last + length))
        last += length
        unconfirmed.sent(spans[-1])
    confirmed = set(range(1, start + 1))
    for span in data.draw(st.permutations(spans)):
        unconfirmed.sent(span)  # a second sending of an earlier one changes nothing
        unconfirmed.confirmed(span)
        unconfirmed.confirmed(span)
        confirmed |= set(range(span[0], span[1] + 1))
        assert set(range(1, unconfirmed.watermark + 1)) <= confirmed
        assert unconfirmed.watermark + 1 not in confirmed
    assert unconfirmed.watermark == last
    assert len(unconfirmed) == 0
