"""Print the kill table: every planted fault, and what the whole suite found on it.

PYTHONPATH=harness python -m tests.rfc6455.kill_table [FAULT ...]
"""

from __future__ import annotations

import sys
import time

from tests.faulty.faults import FAULTS
from tests.faulty.running import faulty_server
from wsproof.model.finding import Level
from wsproof.model.suite import SuiteOptions
from wsproof.rfc6455 import run_suite


def main(names: list[str]) -> int:
    """Run the suite with its default examples on each fault; the number of faults that survive."""
    survivors = 0
    with faulty_server() as server:
        for name in names or ["", *FAULTS]:
            rule = FAULTS.get(name, ("-", "the correct server"))[0]
            begun = time.monotonic()
            report = run_suite(server.with_fault(name), SuiteOptions(deadline_s=2.0))
            found = [finding for finding in report.findings if finding.level is not Level.INFORMATIONAL]
            killed = any(finding.check == rule for finding in found) if name else not found
            survivors += not killed
            others = ", ".join(finding.check for finding in found if finding.check != rule)
            line = f"{name or '(correct)':22} {'killed' if killed and name else 'clean' if killed else 'SURVIVES':9}"
            sys.stdout.write(f"{line}{rule:32}{time.monotonic() - begun:5.1f} s  {others}\n")
            sys.stdout.flush()
    return survivors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
