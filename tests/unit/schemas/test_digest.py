"""Digests: the same for the same state, whatever a database makes of a number; another for any other."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.schemas.any_message import messages_of
from tests.unit.schemas.examples import EXPOSURE

from exposure_schemas import MSGPACK, Exposure, ExposureSummary, as_digest, decode, digest_of, encode, envelope, sum_of


@given(messages_of("exposure-summary"))
def test_a_state_that_has_travelled_has_the_same_digest(summary: ExposureSummary) -> None:
    read = decode(encode(summary), envelope(summary, MSGPACK))
    assert isinstance(read, ExposureSummary)
    assert list(map(digest_of, read.exposures)) == list(map(digest_of, summary.exposures))


@pytest.mark.parametrize(("value", "same"), [(-0.0, 0.0), (2, 2.0), (0, -0.0)])
def test_a_number_that_a_database_writes_otherwise_makes_no_difference(value: Any, same: Any) -> None:
    one, other = (msgspec.structs.replace(EXPOSURE, seeing=each) for each in (value, same))
    assert digest_of(one) == digest_of(other)


OTHER: dict[str, Any] = {
    "expid": 111450,
    "night": 20211130,
    "data_written": False,
    "sequence": 4713,
    "files": (),
    "date": None,
    "data_written_at": EXPOSURE.date,
}


@pytest.mark.parametrize("field", Exposure.__struct_fields__)
def test_any_other_value_makes_another_digest(field: str) -> None:
    changed = msgspec.structs.replace(EXPOSURE, **{field: OTHER.get(field)})
    assert digest_of(changed) != digest_of(EXPOSURE)


@given(st.lists(st.integers(0, 2**128 - 1)), st.randoms())
def test_the_order_of_exposures_makes_no_difference(digests: list[int], random: Any) -> None:
    shuffled = random.sample(digests, len(digests))
    assert as_digest(sum_of(digests)) == as_digest(sum_of(shuffled))
    assert len(as_digest(sum_of(digests))) == 32


def test_the_digest_of_a_known_state_stays_what_it_is() -> None:
    assert as_digest(digest_of(EXPOSURE)) == "3ad99b7a03ff685ebf64201f5cca6ddb"
