"""Tests of cost scaling: the exponent, and its limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from unittest.mock import Mock

import pytest

from wsproof.conformance.robustness.costs import Shape, _measure
from wsproof.conformance.robustness.definition import RobustnessOutcome
from wsproof.conformance.robustness.scaling import Cost, exponent_of, is_superlinear
from wsproof.net.clock import Deadline

SIZES = (1_000, 2_000, 4_000, 8_000, 16_000)


def costs(of: Callable[[int], float]) -> list[Cost]:
    return [Cost(size, of(size)) for size in SIZES]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_the_exponent_of_a_power_law_is_estimated(exponent: float) -> None:
    assert exponent_of(costs(lambda size: 7.0 * size**exponent)) == pytest.approx(exponent)


def test_a_constant_cost_changes_the_exponent_little() -> None:
    exponent = exponent_of(costs(lambda size: 1e6 + size**2))
    assert exponent is not None
    assert exponent > 1.6


def test_too_few_sizes_or_zero_costs_give_no_exponent() -> None:
    assert exponent_of(costs(float)[:3]) is None
    assert exponent_of(costs(lambda size: 0.0)) is None
    assert not is_superlinear(costs(float)[:3], 1.0)


def test_only_a_considerable_cost_is_superlinear() -> None:
    quadratic = costs(lambda size: float(size) ** 2)
    assert is_superlinear(quadratic, least_ns=1e8)
    assert not is_superlinear(quadratic, least_ns=1e9)
    assert not is_superlinear(costs(lambda size: 1e5 * size), least_ns=1e8)


def test_a_linear_cost_with_disturbed_measurements_is_not_superlinear() -> None:
    disturbed = [
        Cost(cost.size, cost.cost_ns * factor) for cost, factor in zip(costs(float), (1, 2, 1, 2, 1), strict=True)
    ]
    assert not is_superlinear(disturbed, least_ns=1.0)


@pytest.mark.parametrize("measured_ms", [(0.02, 0.02, 0.02, 2.55), (0.02, 5.10, 2.21, 1.83), (0.02, 0.02, 4.0, 3.9)])
def test_one_disturbed_measurement_is_not_superlinear(measured_ms: tuple[float, ...]) -> None:
    """Values were measured by wall clock on a busy machine, with a server that wsproof did not start."""
    disturbed = [Cost(size, cost * 1e6) for size, cost in zip((11, 22, 44, 88), measured_ms, strict=True)]
    exponent = exponent_of(disturbed)
    assert exponent is not None
    assert exponent > 1.5
    assert not is_superlinear(disturbed, least_ns=1e6)


@pytest.mark.parametrize(("power", "sizes"), [(1, SIZES), (2, SIZES[:4])])
def test_a_cost_that_plainly_grows_too_fast_is_not_measured_at_larger_sizes(power: int, sizes: tuple[int, ...]) -> None:
    measured: list[int] = []

    def cost(_: object, size: int) -> float:
        measured.append(size)
        return 1e6 * float(size) ** power

    shape = Shape("fragments", "fragments", SIZES, cost, least_ns=1e8)
    costs = _measure(cast(Any, Mock()), RobustnessOutcome(), shape, Deadline.after(60.0))
    assert tuple(measured) == sizes
    assert is_superlinear(costs, shape.least_ns) is (power == 2)
