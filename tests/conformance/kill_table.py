"""Print the kill table: every planted fault, what caught it, and the seconds of the whole suite with default options.

The first two rows are the correct server, without compression and with it.

PYTHONPATH=harness python -m tests.conformance.kill_table [FAULT ... | PART/PARTS] [--application KIND]

With `--application only-bare` (see tests/faulty/applications.py) the application behind each fault closes on every text
but one, which the suite is given as its sample.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.faulty.applications import KINDS, SAMPLE
from tests.faulty.faults import CORRECT_DEFLATE, FAULTS
from tests.faulty.running import FaultyServer, faulty_server
from wsproof import Level
from wsproof.conformance import run_suite
from wsproof.model.suite import SuiteOptions

_HEAD = "| fault | what is wrong | caught by | other findings | seconds |\n| --- | --- | --- | --- | ---: |\n"

_CORRECT = {"": "nothing: the correct server", CORRECT_DEFLATE: "nothing: the correct server, compressing"}


def main(words: list[str]) -> int:
    """Run the suite on each fault. Returns the number of faults that no rule, or only another rule, finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*")
    parser.add_argument("--application", choices=KINDS, default="")
    arguments = parser.parse_args(words)
    options = SuiteOptions(sample=SAMPLE if arguments.application.startswith("only") else None)
    survivors = 0
    sys.stdout.write(_HEAD)
    for name in selected_faults(arguments.faults):
        rule, wrong = FAULTS.get(name, ("", _CORRECT.get(name, "")))
        # Each fault has its own server. Resources that one fault leaks would hide the next leak.
        with faulty_server() as server:
            rules, seconds = find_in(server.with_fault(name, arguments.application), options)
        as_it_should_be = rule in rules if rule else not rules
        survivors += not as_it_should_be
        caught = rule if as_it_should_be else _missed(rule, rules)
        others = ", ".join(check for check in rules if check != rule)
        sys.stdout.write(f"| {name or '(none)'} | {wrong} | {caught} | {others} | {seconds:.1f} |\n")
        sys.stdout.flush()
    return survivors


def _missed(rule: str, rules: list[str]) -> str:
    if not rule:
        return "**accused**"
    return "(another rule)" if rules else "**nothing**"


def find_in(server: FaultyServer, options: SuiteOptions) -> tuple[list[str], float]:
    """Return the rules that the suite finds broken, and its duration in seconds."""
    begun = time.monotonic()
    report = run_suite(server, options)
    seconds = time.monotonic() - begun
    return [finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL], seconds


def selected_faults(words: list[str]) -> list[str]:
    """Return the named faults, or one part of all of them."""
    names = [*_CORRECT, *FAULTS]
    if len(words) == 1 and "/" in words[0]:
        part, parts = (int(number) for number in words[0].split("/"))
        return names[part - 1 :: parts]
    return words or names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
