"""What the doctor's findings come to."""

import pytest

from exposure_bus.doctor import Finding, Outcome, exit_code, failed, incomplete, not_here, ok, sums, warning

OK = ok("broker", "answers")
NOT_HERE = not_here("cache", "there is none")
WARNING = warning("relay", "nobody relays", "start one")
INCOMPLETE = incomplete("completeness", "3 missing", "wait")
FAILED = failed("broker", "does not answer")


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([OK, NOT_HERE], 0),
        ([OK, WARNING], 0),
        ([OK, INCOMPLETE, WARNING], 4),
        ([INCOMPLETE, FAILED, OK], 1),
        ([FAILED, INCOMPLETE], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst_finding(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code


def test_the_sums_begin_with_the_worst_and_leave_out_what_there_is_none_of() -> None:
    assert sums([OK, WARNING, FAILED, OK, NOT_HERE, WARNING]) == "1 failed, 2 warning, 1 not here, 2 ok"
    assert sums([INCOMPLETE]) == "1 incomplete"


def test_only_what_is_not_well_has_advice() -> None:
    assert (OK.outcome, OK.advice) == (Outcome.OK, "")
    assert Finding(check="relay", outcome=Outcome.WARNING, finding="nobody relays", advice="start one") == WARNING
