"""Plants faults in one server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote
from urllib.request import urlopen

from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target

PATIENT_S = 30.0
"""Deadline in seconds for a server that answers everything. No test waits for it: it is for a machine that stalls."""


@contextmanager
def planting(app: str, at: str = "fault") -> Iterator[Callable[[str], RunningServer]]:
    """Plants a fault in a server that is not ours to replace, so that each schedule is executed once.

    `at`: where the server takes the name of a fault.
    """
    with serve(parse_target(app, path="/ws")) as server:
        address = f"{server.endpoint.host}:{server.endpoint.port}"
        with serve(parse_target(f"ws://{address}/ws")) as reached:

            def plant(fault: str) -> RunningServer:
                with urlopen(f"http://{address}/{at}/{quote(fault)}", timeout=90) as answer:
                    assert answer.status == 200
                return reached

            yield plant
