"""A fixture with one server in which tests plant faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.delivery.planting import planting
from wsproof.target.server import RunningServer

APP = "tests.faulty.channels.tutorial:app"


@pytest.fixture(scope="module")
def planted() -> Iterator[Callable[[str], RunningServer]]:
    with planting(APP) as plant:
        yield plant
