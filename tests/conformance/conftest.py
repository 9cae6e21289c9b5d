"""One process with the correct server and all faulty ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faulty.running import FaultyServer, faulty_server


@pytest.fixture(scope="session")
def faulty() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        yield server
