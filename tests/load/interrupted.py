"""A run in a process of its own, for tests that send it signals: `python interrupted.py PORT COLUMNS`.

Prints its workers' pids when enough receipts are on the disk, and the kept records when it is interrupted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil

from wsproof.load import PartialRun, Progress, run_plan
from wsproof.load.files.columns import WIDTHS
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint

ENOUGH = 50


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)  # noqa: T201 - the test reads it


class Announcer:
    """Prints once that the window has begun and that the workers have written more than ENOUGH receipts."""

    def __init__(self, columns: Path) -> None:
        self.done = False
        self._columns = columns

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "measure" and not self.done and self._receipts() > ENOUGH:
            self.done = True
            say(workers=[child.pid for child in psutil.Process().children()])

    def _receipts(self) -> int:
        written = sum(file.stat().st_size for file in self._columns.glob("worker-*.receipts.i64"))
        return written // (8 * WIDTHS["receipts"])


def main(port: int, columns: Path) -> None:
    plan = Plan("chat", 6, 1, 100.0, 600.0, warmup_s=0.1, processes=2)
    endpoint = Endpoint("127.0.0.1", port)
    try:
        run_plan(
            plan, channels="tutorial", settings={}, endpoint=endpoint, columns=columns, progress=Announcer(columns)
        )
    except PartialRun as partial:
        say(exit_code=int(partial.exit_code), receipts=len(partial.measurement.history.receipts))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
