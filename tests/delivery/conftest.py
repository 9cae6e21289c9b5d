"""One server in which tests plant faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target

APP = "tests.faulty.channels.app:app"


@pytest.fixture(scope="module")
def planted() -> Iterator[Callable[[str], RunningServer]]:
    """Plants a fault in a server that is not ours to replace: so each schedule is performed once, and quickly."""
    with serve(parse_target(APP, path="/ws")) as server:
        address = f"{server.endpoint.host}:{server.endpoint.port}"
        with serve(parse_target(f"ws://{address}/ws")) as reached:

            def plant(fault: str) -> RunningServer:
                with urlopen(f"http://{address}/fault/{quote(fault)}", timeout=90) as answer:
                    assert answer.status == 200
                return reached

            yield plant
