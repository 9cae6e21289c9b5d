"""Run the whole suite with default options on a correct server, once for each seed.

PYTHONPATH=harness python -m tests.conformance.seeds [SEEDS] [--plain | --reference | --application KIND]

SEEDS is a number of seeds (50), or FIRST-LAST. The server is the correct one of tests/faulty with compression, or with
`--plain` without. With `--reference` it is the reference server with its own protocol class. Its known deviations
(target_app/accepted) do not count as violations. With `--application only-bare` (see tests/faulty/applications.py)
the server refuses all texts but one, which the suite is given as its sample.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faulty.applications import KINDS, SAMPLE
from tests.faulty.faults import CORRECT_DEFLATE
from tests.faulty.running import faulty_server
from tests.target_app.server import running
from wsproof import Finding, Level
from wsproof.conformance import run_suite
from wsproof.conformance.session import ServerUnderTest
from wsproof.deviations import KnownDeviations, load_deviations, shipped_deviations
from wsproof.model.suite import SuiteOptions
from wsproof.net.endpoint import Endpoint

_ACCEPTED = Path(__file__).parents[2] / "target_app" / "accepted" / "uvicorn-direct.toml"


@dataclass
class _Started:
    """A server that wsproof did not start."""

    endpoint: Endpoint
    owned: bool = False
    pid: int | None = None

    def restart(self) -> None:
        raise RuntimeError("it was not started by the suite")


@contextmanager
def _server(arguments: argparse.Namespace) -> Iterator[ServerUnderTest]:
    if arguments.reference:
        with running("target_app --direct", {}) as started:
            yield _Started(Endpoint("127.0.0.1", started.port, "/ws"))
    else:
        with faulty_server() as correct:
            yield correct.with_fault("" if arguments.plain else CORRECT_DEFLATE, arguments.application)


def main(words: list[str]) -> int:
    """Run the seeds. Returns the number of seeds with a violation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="?", default="50")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--plain", action="store_true")
    which.add_argument("--reference", action="store_true")
    which.add_argument("--application", choices=KINDS, default="")
    arguments = parser.parse_args(words)
    first, dash, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last) + 1) if dash else range(int(first))
    known = KnownDeviations()
    if arguments.reference:
        known = KnownDeviations(load_deviations(_ACCEPTED), shipped_deviations("uvicorn-direct", None))
    options = SuiteOptions(sample=SAMPLE if arguments.application.startswith("only") else None)
    accusing = 0
    with _server(arguments) as server:
        for seed in seeds:
            begun = time.monotonic()
            report = run_suite(server, options.but(seed=seed))
            findings = known.mark(report.findings)
            reported = [
                finding for finding in findings if finding.level is not Level.INFORMATIONAL and not finding.accepted
            ]
            accusing += bool(reported)
            _print(seed, time.monotonic() - begun, reported)
    sys.stdout.write(f"{len(seeds)} seeds, {accusing} of them accuse the server\n")
    return accusing


def _print(seed: int, seconds: float, reported: list[Finding]) -> None:
    sys.stdout.write(f"seed {seed}: {len(reported)} accusations, {seconds:.1f} s\n")
    for finding in reported:
        sys.stdout.write(f"  {finding.check}: {finding.explanation}\n")
        sys.stdout.writelines(f"    {line}\n" for line in finding.witness)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
