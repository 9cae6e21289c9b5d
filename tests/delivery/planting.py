"""Plants faults in one running server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote
from urllib.request import urlopen

from wsproof import Finding
from wsproof.model.suite import SuiteReport
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target

PATIENT_S = 30.0
"""Deadline in seconds for a server that answers everything. Reached only if the machine stalls."""

TOO_SLOW = "was too slow for this load"
"""The explanation that keepalive pings ended connections. A stalled machine causes it, too."""


def findings_of(report: SuiteReport) -> list[Finding]:
    """Return the findings about the server, without those about a machine that was too slow for the load."""
    return [finding for finding in report.findings if TOO_SLOW not in finding.explanation]


@contextmanager
def planting(app: str, at: str = "fault", env: Sequence[str] = ()) -> Iterator[Callable[[str], RunningServer]]:
    """Yield a function that plants a fault. The server is not owned, so each schedule runs once.

    `at`: the path where the server takes the name of a fault. `env`: its environment, as `NAME=VALUE`.
    """
    with serve(parse_target(app, path="/ws", env=env)) as server:
        address = f"{server.endpoint.host}:{server.endpoint.port}"
        with serve(parse_target(f"ws://{address}/ws")) as reached:

            def plant(fault: str) -> RunningServer:
                with urlopen(f"http://{address}/{at}/{quote(fault)}", timeout=90) as answer:
                    assert answer.status == 200
                return reached

            yield plant
