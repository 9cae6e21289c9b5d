"""A fixture with the correct server and all faulty ones in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faulty.quiet import detect_silence
from tests.faulty.running import FaultyServer, faulty_server


@pytest.fixture(scope="session")
def faulty() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        yield server


@pytest.fixture
def detects_silence(faulty: FaultyServer) -> Iterator[None]:
    """Detect silences of the faulty server at once, so that tests can use long deadlines."""
    with detect_silence(faulty):
        yield
