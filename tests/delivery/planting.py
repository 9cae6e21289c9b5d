"""Plants faults in one running server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote
from urllib.request import urlopen

from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target

PATIENT_S = 30.0
"""Deadline in seconds for a server that answers everything. Reached only if the machine stalls."""


@contextmanager
def planting(app: str, at: str = "fault") -> Iterator[Callable[[str], RunningServer]]:
    """Yield a function that plants a fault. The server is not owned, so each schedule runs once.

    `at`: the path where the server takes the name of a fault.
    """
    with serve(parse_target(app, path="/ws")) as server:
        address = f"{server.endpoint.host}:{server.endpoint.port}"
        with serve(parse_target(f"ws://{address}/ws")) as reached:

            def plant(fault: str) -> RunningServer:
                with urlopen(f"http://{address}/{at}/{quote(fault)}", timeout=90) as answer:
                    assert answer.status == 200
                return reached

            yield plant
