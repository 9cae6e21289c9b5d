"""Prints which check finds each planted fault of the channels, and whether correct servers pass.

    PYTHONPATH=harness python -m tests.delivery.kill_table [--only WORDS] [--budget 60] [--full]

Run by hand: each row starts a server and runs a whole check, quick by default. A fault is *found* if a violation was
reported. The last column has the checks that reported one.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faulty.channels.late_faults import CORRECT_BEHAVIOUR
from wsproof import Level, Workload
from wsproof.delivery import run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels
from wsproof.workloads.guarded import guarded

SETTINGS = {"dashboard.period": "0.1"}


@dataclass(frozen=True)
class Row:
    """A server with a planted fault, or without one, and the channels to check."""

    app: str
    variable: str
    name: str
    is_correct: bool
    workloads: tuple[tuple[str, Workload], ...]


def rows() -> Iterator[Row]:
    """Yield all servers of `tests/faulty/channels` that read the name of a fault from their environment."""
    tutorial = tuple(load_channels("tutorial", SETTINGS).items())
    for module, correct in (
        ("tutorial", ("slow but lossless", "snapshot", "fresh snapshot")),
        ("late_faults", tuple(CORRECT_BEHAVIOUR)),
    ):
        source = Path("tests/faulty/channels", f"{module}.py").read_text()
        for name in ("", *dict.fromkeys(re.findall(r'planted\("([^"]+)"\)', source))):
            yield Row(f"tests.faulty.channels.{module}:app", "FAULT", name, not name or name in correct, tutorial)
    yield from _json_room_rows()


def _json_room_rows() -> Iterator[Row]:
    from tests.delivery.test_json_room import CORRECT_VARIANTS, FAULTS

    known = [(kind, workload, False) for kind, workload, _, _ in FAULTS]
    known += [(kind, workload, True) for kind, workload, _ in CORRECT_VARIANTS]
    for kind, workload, is_correct in dict.fromkeys(known):
        channel = (("room", guarded(workload)({}, base=1)),)
        yield Row("tests.faulty.channels.json_room:app", "KIND", kind, is_correct, channel)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--only", default="", help="only rows whose name contains these words")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each row (60)")
    parser.add_argument("--full", action="store_true", help="all checks, not only those of a quick run")
    asked = parser.parse_args()
    missed = 0
    for row in rows():
        if asked.only not in row.name:
            continue
        began = time.monotonic()
        violated = _violations(row, asked.budget, is_quick=not asked.full)
        is_right = bool(violated) != row.is_correct
        missed += not is_right
        outcome = "as expected" if is_right else "ACCUSED" if row.is_correct else "MISSED"
        took = f"{time.monotonic() - began:.0f} s"
        sys.stdout.write(f"| {row.name or 'no fault'} | {outcome} | {took} | {', '.join(violated)} |\n")
        sys.stdout.flush()
    sys.exit(missed > 0)


def _violations(row: Row, budget_s: float, *, is_quick: bool) -> list[str]:
    with TemporaryDirectory(prefix="wsproof-kill-") as folder:
        names = Path(folder, "names")
        names.touch()
        env = [f"{row.variable}={row.name}", f"NAMES_FILE={names}"]
        options = SuiteOptions(examples=4, quick=is_quick)
        with serve(parse_target(row.app, path="/ws", env=env)) as server:
            server.budget = Budget(budget_s)
            report = run_suite(server, dict(row.workloads), options, budget=server.budget)
    return list(dict.fromkeys(finding.check for finding in report.findings if finding.level is Level.VIOLATION))


if __name__ == "__main__":
    main()
