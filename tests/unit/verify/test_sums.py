"""All verdicts in one line."""

import pytest

from exposure_subscriber.verify import State, Verdict, sums


def some(**counts: int) -> list[Verdict]:
    return [Verdict(state=State[name], path="/x") for name, count in counts.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("verdicts", "size", "exposures", "line"),
    [
        (some(), 0, 1, "0 files verified, 0 missing, 0 differ, 0 extra (0 bytes in 1 exposure)"),
        (
            some(VERIFIED=612, MISSING=1, DIFFERS=1),
            25_310_000,
            94,
            "612 files verified, 1 missing, 1 differs, 0 extra (25.3 MB in 94 exposures)",
        ),
        (
            some(VERIFIED=1, SIZE_AGREES=2, DIFFERS=2, EXTRA=3, UNREADABLE=4, QUARANTINED=5, NO_MANIFEST=1, UNKNOWN=6),
            1_400_000_000,
            9,
            (
                "1 file verified and 2 by size alone, 0 missing, 2 differ, 3 extra, 4 unreadable, 5 quarantined, "
                "1 exposure without manifest, 6 exposures unknown (1.4 GB in 9 exposures)"
            ),
        ),
        (some(VERIFIED=1), 1, 1, "1 file verified, 0 missing, 0 differ, 0 extra (1 byte in 1 exposure)"),
        (some(VERIFIED=1), 1000, 1, "1 file verified, 0 missing, 0 differ, 0 extra (1.0 kB in 1 exposure)"),
    ],
)
def test_it_counts_every_state_and_leaves_out_what_is_rare(
    verdicts: list[Verdict], size: int, exposures: int, line: str
) -> None:
    assert sums(verdicts, size=size, exposures=exposures) == line


def test_every_state_is_counted() -> None:
    for state in State:
        line = sums([Verdict(state=state, path="/x")] * 7, size=0, exposures=3)
        assert "7 " in line, state
