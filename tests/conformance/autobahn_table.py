"""Print a table of the planted faults: the verdicts of Autobahn's fuzzing client, and the rules that wsproof reports.

PYTHONPATH=harness python -m tests.conformance.autobahn_table --wstest PATH --results DIR [FAULT ...]

`wstest` belongs to the Autobahn Testsuite, which runs on Python 2.7 only. AUTOBAHN.md beside the faulty server
explains how to install it. Its results are stored in DIR, one folder per fault, and reused. Its verdicts on the
correct server are the baseline: a case counts for a fault only if its verdict is worse. The column of wsproof comes
from the kill table (`kill_table.py`, README.md beside the faulty server); `test_planted_faults.py` tests the faults
that are not in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faulty.faults import CORRECT_DEFLATE, FAULTS
from tests.faulty.running import FaultyServer, faulty_server

_HEAD = "| fault | what is wrong | Autobahn: cases | s | wsproof: rule | s |\n| --- | --- | --- | ---: | --- | ---: |\n"
_CHAPTERS = (1, 2, 3, 4, 5, 6, 7, 10)
"""All chapters but limits and performance (9: takes minutes, few verdicts) and compression (12 and 13)."""
_DEFLATE = ["12.1.2", *(f"13.{group}.2" for group in range(1, 8))]
"""One case for each set of parameters. All 216 cases, of a thousand messages each, would take an hour."""
_COLUMNS = 5
"""Columns of the kill table. The table of robustness has no other findings."""
_KILL_TABLE = Path(__file__).parents[1] / "faulty" / "README.md"
_CORRECT = "correct"
_STUCK_S = 180.0
_SHOWN = 4
_MANY = 200
_OK, _SOFT, _HARD = range(3)
_GRAVITY = {
    "OK": _OK,
    "INFORMATIONAL": _OK,
    "UNIMPLEMENTED": _SOFT,
    "NON-STRICT": _SOFT,
    "FAILED BY CLIENT": _SOFT,
    "WRONG CODE": _HARD,
    "UNCLEAN": _HARD,
    "FAILED": _HARD,
}
"""Severity of each of Autobahn's verdicts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Autobahn's results for one server: the severity of each case by number, and whether the run completed."""

    cases: Mapping[str, int]
    seconds: float
    finished: bool

    def worse_than(self, baseline: Answer) -> dict[str, int]:
        """Return the cases with a worse verdict for this server than in the baseline."""
        return {case: gravity for case, gravity in self.cases.items() if gravity > baseline.cases.get(case, _OK)}


@dataclass(frozen=True, slots=True)
class Autobahn:
    """Autobahn's fuzzing client, and the folder of its results."""

    wstest: Path
    results: Path

    def ask(self, server: FaultyServer, name: str) -> Answer:
        """Return the verdicts on the server at its current path, from the folder if they are stored there."""
        folder = self.results / (name or _CORRECT)
        if not (folder / "seconds").exists():
            self._run(server, name, folder)
        seconds = float((folder / "seconds").read_text())
        index = folder / "index.json"
        if not index.exists():
            return Answer({}, seconds, finished=False)
        (cases,) = json.loads(index.read_text()).values()
        return Answer({case: _severity(verdict) for case, verdict in cases.items()}, seconds, finished=True)

    def _run(self, server: FaultyServer, name: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        endpoint = server.endpoint
        settings = {
            "outdir": str(folder),
            "servers": [{"agent": name or _CORRECT, "url": f"ws://{endpoint.host}:{endpoint.port}{endpoint.path}"}],
            "cases": [*(f"{chapter}.*" for chapter in _CHAPTERS), *(_DEFLATE if _about_deflate(name) else [])],
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        spec = folder / "spec.json"
        spec.write_text(json.dumps(settings))
        begun = time.monotonic()
        with (folder / "output").open("w") as output:
            command = [str(self.wstest), "-m", "fuzzingclient", "-s", str(spec)]
            with contextlib.suppress(subprocess.TimeoutExpired):  # Autobahn writes its verdicts only at the end.
                subprocess.run(command, stdout=output, stderr=output, timeout=_STUCK_S, check=False)
        (folder / "seconds").write_text(f"{time.monotonic() - begun:.1f}")


def _about_deflate(name: str) -> bool:
    return name.startswith(CORRECT_DEFLATE)


def _severity(verdict: Mapping[str, str]) -> int:
    return max(_GRAVITY[verdict["behavior"]], _GRAVITY[verdict["behaviorClose"]])


def in_words(answer: Answer, baseline: Answer) -> str:
    """Return one table cell: the failed cases, and the number of other non-strict ones."""
    if not answer.finished:
        return f"(no verdict in {answer.seconds:.0f} s)"
    worse = answer.worse_than(baseline)
    cells = [_listed(case for case, gravity in worse.items() if gravity == _HARD)]
    soft = _listed(case for case, gravity in worse.items() if gravity == _SOFT)
    return "; ".join([*filter(None, cells), *([f"non-strict: {soft}"] if soft else [])])


def _listed(cases: Iterable[str]) -> str:
    ordered = sorted(cases, key=lambda case: [int(number) for number in case.split(".")])
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def kill_table(path: Path) -> dict[str, tuple[str, str]]:
    """Read the rule that caught each fault, and the duration in seconds, from the output of `kill_table.py`."""
    lines = [line.removeprefix("|").removesuffix("|") for line in path.read_text().splitlines()]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {row[0]: (row[2], row[-1]) for row in rows if len(row) in (_COLUMNS - 1, _COLUMNS)}


def main(words: list[str]) -> int:
    """Run both tools on each fault. Returns the number of faults that Autobahn finds and wsproof does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wstest", type=Path, required=True, help="the program of the Autobahn Testsuite")
    parser.add_argument("--results", type=Path, required=True, help="a folder for its answers")
    parser.add_argument("faults", nargs="*", help="(all of them)")
    arguments = parser.parse_args(words)
    autobahn = Autobahn(arguments.wstest.absolute(), arguments.results.absolute())
    ours = kill_table(_KILL_TABLE)
    tally = Tally()
    with faulty_server() as server:
        plain, deflate = (autobahn.ask(server.with_fault(name), name) for name in ("", CORRECT_DEFLATE))
        sys.stdout.write(_HEAD)
        for name in arguments.faults or ["", *FAULTS]:
            baseline = deflate if _about_deflate(name) else plain
            theirs = autobahn.ask(server.with_fault(name), name)
            if not theirs.finished or server.process.poll() is not None:
                server.restart()  # It has ended, or no longer answers.
            known, wrong = FAULTS.get(name, ("", "nothing: the correct server"))
            rule, seconds = ours.get(name or "(none)", (f"{known} (by its test)", ""))
            cells = [name or "(none)", wrong, in_words(theirs, baseline), f"{theirs.seconds:.0f}", rule, seconds]
            sys.stdout.write(f"| {' | '.join(cells)} |\n")
            sys.stdout.flush()
            if name:
                tally.note(theirs.worse_than(baseline), rule)
    sys.stdout.write(f"\n{tally.in_words(plain)}\n")
    return tally.missed


@dataclass
class Tally:
    """Totals of the table. A fault that fails nearly all cases says nothing about individual cases."""

    faults: int = 0
    caught: int = 0
    only_soft: int = 0
    ours: int = 0
    missed: int = 0
    used: set[str] = field(default_factory=set)

    def note(self, worse: Mapping[str, int], rule: str) -> None:
        """Count one fault."""
        self.faults += 1
        self.caught += _HARD in worse.values()
        self.only_soft += bool(worse) and _HARD not in worse.values()
        self.ours += bool(rule)
        self.missed += bool(worse) and not rule
        if len(worse) <= _MANY:
            self.used |= set(worse)

    def in_words(self, baseline: Answer) -> str:
        """Return the totals as a paragraph."""
        cases = [case for case in baseline.cases if int(case.split(".")[0]) in _CHAPTERS]
        unused = ", ".join(case for case in cases if case not in self.used) or "none"
        return (
            f"{self.faults} faults: Autobahn fails {self.caught} of them and calls {self.only_soft} more non-strict; "
            f"wsproof catches {self.ours}. Caught by Autobahn alone: {self.missed}. Of its {len(cases)} cases outside "
            f"compression and performance, these fail on no fault: {unused}."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
