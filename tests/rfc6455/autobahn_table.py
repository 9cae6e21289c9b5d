"""Print a table: every planted fault, what Autobahn's fuzzing client says of it, and what wsproof says.

PYTHONPATH=harness python -m tests.rfc6455.autobahn_table --wstest PATH --results DIR [FAULT ... | PART/PARTS]

`wstest` is of the Autobahn Testsuite, which runs on Python 2.7 only; README.md beside the faulty server says how to get
it. Its answers are kept in DIR, one folder per fault, and are not asked for twice. What it says of the correct server
is its baseline: a case counts for a fault only where it says something worse.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faulty.faults import FAULTS
from tests.faulty.running import FaultyServer, faulty_server
from tests.rfc6455.kill_table import chosen, find_in

_HEAD = "| fault | what is wrong | Autobahn: cases | s | wsproof: rule | s |\n| --- | --- | --- | ---: | --- | ---: |\n"
_NEVER = ["9.*"]
"""Limits and performance: minutes, and no verdicts."""
_DEFLATE = ["12.*", "13.*"]
_CORRECT = "correct"
_STUCK_S = 300.0
_SHOWN = 4
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
"""How bad each of Autobahn's verdicts is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Autobahn said of one server: how bad each case is, by its number; and whether it came to its end."""

    cases: Mapping[str, int]
    seconds: float
    finished: bool

    def worse_than(self, baseline: Answer) -> dict[str, int]:
        """The cases that say more against this server than against the other."""
        return {case: gravity for case, gravity in self.cases.items() if gravity > baseline.cases.get(case, _OK)}


@dataclass(frozen=True, slots=True)
class Autobahn:
    """Its fuzzing client, and where its answers are kept."""

    wstest: Path
    results: Path

    def ask(self, server: FaultyServer, name: str) -> Answer:
        """Its verdicts on the server at its present path; from the folder, if they are there already."""
        folder = self.results / (name or _CORRECT)
        if not (folder / "seconds").exists():
            self._run(server, name, folder)
        seconds = float((folder / "seconds").read_text())
        index = folder / "index.json"
        if not index.exists():
            return Answer({}, seconds, finished=False)
        (cases,) = json.loads(index.read_text()).values()
        return Answer({case: _gravity(verdict) for case, verdict in cases.items()}, seconds, finished=True)

    def _run(self, server: FaultyServer, name: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        endpoint = server.endpoint
        wanted = {
            "outdir": str(folder),
            "servers": [{"agent": name or _CORRECT, "url": f"ws://{endpoint.host}:{endpoint.port}{endpoint.path}"}],
            "cases": ["*"],
            "exclude-cases": _NEVER + ([] if _about_deflate(name) else _DEFLATE),
            "exclude-agent-cases": {},
        }
        spec = folder / "spec.json"
        spec.write_text(json.dumps(wanted))
        begun = time.monotonic()
        with (folder / "output").open("w") as output:
            command = [str(self.wstest), "-m", "fuzzingclient", "-s", str(spec)]
            with contextlib.suppress(subprocess.TimeoutExpired):  # it writes its verdicts only at the end
                subprocess.run(command, stdout=output, stderr=output, timeout=_STUCK_S, check=False)
        (folder / "seconds").write_text(f"{time.monotonic() - begun:.1f}")


def _about_deflate(name: str) -> bool:
    return name in ("", _CORRECT) or "deflate" in name


def _gravity(verdict: Mapping[str, str]) -> int:
    return max(_GRAVITY[verdict["behavior"]], _GRAVITY[verdict["behaviorClose"]])


def told(answer: Answer, baseline: Answer) -> str:
    """One cell: the cases that fail, and how many more are not strict."""
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


def main(words: list[str]) -> int:
    """Run both on each fault; the number of faults that Autobahn catches and wsproof does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wstest", type=Path, required=True, help="the program of the Autobahn Testsuite")
    parser.add_argument("--results", type=Path, required=True, help="a folder for its answers")
    parser.add_argument("faults", nargs="*", help="(all of them)")
    given = parser.parse_args(words)
    autobahn = Autobahn(given.wstest.absolute(), given.results.absolute())
    missed = 0
    with faulty_server() as server:
        baseline = autobahn.ask(server.with_fault(""), "")
        sys.stdout.write(_HEAD)
        for name in chosen(given.faults):
            theirs = autobahn.ask(server.with_fault(name), name)
            if server.process.poll() is not None:
                server.restart()
            rule, wrong = FAULTS.get(name, ("", "nothing: the correct server"))
            found, seconds = find_in(server.with_fault(name))
            ours = rule if name and rule in found else ""
            cells = [name or "(none)", wrong, told(theirs, baseline), f"{theirs.seconds:.0f}", ours, f"{seconds:.1f}"]
            missed += not ours and bool(theirs.worse_than(baseline))
            sys.stdout.write(f"| {' | '.join(cells)} |\n")
            sys.stdout.flush()
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
