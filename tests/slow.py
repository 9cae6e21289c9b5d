"""Parameters of tests that `make test` runs for some values only. CI runs them for all; see the marker `slow`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_except(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Mark all values of a parameter as slow, except these."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]
