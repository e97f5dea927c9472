"""``python -m tests.torture``: break everything that can break, and see whether anything is lost."""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from tests.torture.aftermath import crashes, duplicates, yielded_once
from tests.torture.campaign import Campaign, Plan, Verdict
from tests.torture.events import Events
from tests.torture.mounts import CannotMount, enter_own_name_space
from tests.torture.report import Report, write_record
from tests.torture.site import Site

from private_servers import ServerError

KINDS = ("sqlite", "postgresql")
_THIS = (sys.executable, "-m", "tests.torture")
SAY_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


@click.command(epilog="Example:  python -m tests.torture --database sqlite --faults 50 --seed 7")
@click.option("--database", type=click.Choice([*KINDS, "both"]), default="both", show_default=True)
@click.option(
    "--faults", type=click.IntRange(1), default=200, show_default=True, help="How many at least, on each database."
)
@click.option(
    "--changes", type=click.IntRange(1), default=20_000, show_default=True, help="Rows changed meanwhile, at least."
)
@click.option("--seed", type=int, help="Repeats what was drawn; default: another each time.")
@click.option("--seconds", type=float, help="The most that the faults may take.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where everything is kept; default: a new one in /tmp.")
@click.option("--record", type=click.Path(path_type=Path), help="Also write a page of what was shown.")
def main(*, database: str, seed: int | None, folder: Path | None, record: Path | None, **plan: Any) -> None:
    """Torture a publisher and two followers, on SQLite with one broker, and on PostgreSQL with a cluster of three.

    Nothing may be lost, nothing older may replace newer, and no daemon may crash: then the exit code is 0.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    place = folder or Path(tempfile.mkdtemp(prefix="exposure-bus-torture-"))
    place.mkdir(parents=True, exist_ok=True)
    asked = Plan(seed=random.SystemRandom().randrange(2**32) if seed is None else seed, **plan)
    try:
        passed = _side_by_side(place, asked) if database == "both" else _one(database, place, asked)
    except KeyboardInterrupt:
        sys.exit(130)
    except (CannotMount, ServerError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    if record is not None:
        write_record(record, [page.read_text() for page in sorted(place.glob("**/report.md"), reverse=True)])
    sys.exit(0 if passed else 1)


def _one(kind: str, folder: Path, plan: Plan) -> bool:
    enter_own_name_space()
    print(f"{kind}: seed {plan.seed}; events in {folder / 'events.jsonl'}", flush=True)
    events = Events(folder / "events.jsonl")
    began = time.monotonic()
    with Site(folder, kind) as site:
        campaign = Campaign(site, events, plan)
        with _progress(kind, plan.faults) as progress:
            verdict = campaign.run(progress)
        copies = duplicates(site.nodes[0])
        problems = (*yielded_once(site.cache_urls["beta"]), *crashes(site.parts))
    report = Report(
        kind=kind,
        seed=plan.seed,
        seconds=time.monotonic() - began,
        verdict=verdict,
        duplicates=copies,
        problems=problems,
    )
    events.record("verdict", passed=report.passed, problems=problems)
    events.close()
    (folder / "report.md").write_text("\n".join(report.lines()) + "\n", encoding="utf-8")
    print("\n".join(report.lines()), flush=True)
    return report.passed


def _side_by_side(folder: Path, plan: Plan) -> bool:
    options = [f"--{name}={value}" for name, value in asdict(plan).items() if value is not None]
    children = [
        subprocess.Popen([*_THIS, "--database", kind, "--folder", str(folder / kind), *options]) for kind in KINDS
    ]
    try:
        return [child.wait() for child in children] == [0] * len(children)
    finally:
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait()


@contextmanager
def _progress(kind: str, faults: int) -> Iterator[Callable[[Verdict, int], object]]:
    if sys.stderr.isatty():
        from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn  # noqa: PLC0415 (a pipe does without)

        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns) as bar:
            task = bar.add_task(kind, total=faults)
            yield lambda verdict, changes: bar.update(
                task, completed=verdict.faults, description=f"{kind}: {changes} changes, {len(verdict.lost)} lost"
            )
    else:
        yield _Saying(kind, faults)


class _Saying:
    def __init__(self, kind: str, faults: int) -> None:
        self._kind, self._faults, self._next = kind, faults, 0.0

    def __call__(self, verdict: Verdict, changes: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SAY_EVERY
            print(
                f"{self._kind}: {verdict.faults} of {self._faults} faults, {changes} changes, {len(verdict.lost)} lost",
                flush=True,
            )


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(prog_name="python -m tests.torture")
