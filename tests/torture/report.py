"""What a campaign has shown, for a person."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.torture.campaign import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A campaign and its aftermath."""

    kind: str
    seed: int
    seconds: float
    verdict: Verdict
    duplicates: str
    """How many messages were second copies."""
    problems: tuple[str, ...]
    """Exposures that `new_exposures` gave twice or never, and daemons that crashed."""

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, nothing older came over newer, and nobody crashed."""
        return not (self.verdict.lost or self.verdict.older or self.problems)

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        v = self.verdict
        return [
            f"### {'SQLite, one broker' if self.kind == 'sqlite' else 'PostgreSQL, a cluster of three brokers'}",
            "",
            self._summary(),
            "",
            "| fault | times | healed after, p50 | max |",
            "| --- | ---: | ---: | ---: |",
            *(
                f"| {kind} | {len(times)} | {median(times):.1f} s | {max(times):.1f} s |"
                for kind, times in sorted(v.healed.items())
            ),
            "",
            *(f"- {problem}" for problem in (*v.lost[:20], *v.older[:20], *self.problems)),
        ]

    def _summary(self) -> str:
        v = self.verdict
        healed = [each for times in v.healed.values() for each in times] or [0.0]
        return (
            f"{v.faults} faults over {v.changes} changes of {v.exposures} exposures in {self.seconds / 60:.1f} min, "
            f"seed {self.seed}: **{len(v.lost)} lost, {len(v.older)} older over newer**, {v.calms} calms in which both "
            f"followers were compared value by value; {self.duplicates}. "
            f"From the end of a fault until everything had come through, other faults going on: p50 "
            f"{median(healed):.1f} s, max {max(healed):.1f} s. From the end of all faults until all agreed: p50 "
            f"{median(v.calm_after):.1f} s, max {max(v.calm_after):.1f} s."
        )


def write_record(file: Path, reports: Sequence[str]) -> None:
    """Write what several campaigns have shown into a page."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    head = (
        "# The torture, on record\n\n"
        f"Made by `make torture` on {datetime.now(UTC):%Y-%m-%d}, on {os.cpu_count()} cores ({platform.machine()}), "
        f"{memory:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()}; both campaigns ran side by "
        "side. What is done to whom: [torture](torture.md).\n\n"
    )
    file.write_text(head + "\n\n".join(reports).rstrip() + "\n", encoding="utf-8")
