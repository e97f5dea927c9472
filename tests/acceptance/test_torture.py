"""Minutes of the torture on each database, with other faults each time; ``make torture`` does it for longer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 150
"""How long faults go on; the calm at the end comes on top."""


def torture(*options: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'demo'}:{ROOT}"}
    command = [sys.executable, "-m", "tests.torture", *options]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "database",
    [pytest.param(each, marks=pytest.mark.begun_first(f"torture on {each}")) for each in ("postgresql", "sqlite")],
)
def test_nothing_is_lost_whatever_breaks(database: str, tmp_path: Path) -> None:
    ended = torture(
        "--database", database, "--faults=1000", "--changes=5000", f"--seconds={SECONDS}", f"--folder={tmp_path}"
    )
    print(ended.stdout, ended.stderr)
    logs = "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-4000:]}" for log in tmp_path.glob("*.log"))
    assert ended.returncode == 0, logs
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "healed" for event in events) > 10
    assert events[-1] | {"at": 0} == {"at": 0, "event": "verdict", "passed": True, "problems": []}


def test_a_wrong_option_is_said_in_one_line() -> None:
    ended = torture("--faults", "none")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "'none' is not a valid integer" in ended.stderr
