"""Tests that stored values have the types that their dataclass declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import pytest

from wsproof.model.type_check import require_types


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@dataclass(frozen=True)
class Leaf:
    """A value within a value."""

    share: float | None = None


@dataclass(frozen=True)
class Tree:
    """One field of each kind."""

    name: str = "oak"
    count: int = 1
    size: float = 2
    tall: bool = True
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    pair: tuple[float, float] = (1, 2.5)
    leaves: tuple[Leaf, ...] = (Leaf(), Leaf(0.5))
    named: Mapping[str, Leaf] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    one: Leaf | None = None


def test_values_of_the_declared_types_pass() -> None:
    require_types(Tree(named={"x": Leaf(1)}, facts={"any": [object()]}, one=Leaf(2)))


def leaf(share: Any) -> Leaf:
    """Return a leaf with any value, as a stored file may have it."""
    return Leaf(share)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 1}, "name: expected str, got int 1"),
        ({"name": None}, "name: expected str, got NoneType"),
        ({"count": 1.5}, "count: expected int, got float"),
        ({"count": True}, "count: expected int, got bool"),
        ({"size": "2"}, "size: expected float, got str '2'"),
        ({"size": float("nan")}, "size: expected float, got float nan"),
        ({"size": float("inf")}, "size: expected float, got float inf"),
        ({"size": 10**400}, "size: expected float, got int 1000"),
        ({"tall": 1}, "tall: expected bool, got int"),
        ({"colour": "red"}, "colour: expected Colour, got str"),
        ({"mode": "c"}, "mode: expected 'a' or 'b', got str 'c'"),
        ({"pair": (1, "x")}, r"pair\[1\]: expected float, got str"),
        ({"leaves": (Leaf(), 3)}, r"leaves\[1\]: expected Leaf, got int"),
        ({"leaves": (leaf("x"),)}, r"leaves\[0\].share: expected float or null, got str"),
        ({"leaves": "no"}, "leaves: expected tuple, got str"),
        ({"named": {"x": leaf("y")}}, "named.x.share: expected float or null"),
        ({"facts": []}, "facts: expected Mapping, got list"),
        ({"one": 5}, "one: expected Leaf or null, got int"),
        ({"one": leaf("z")}, "one.share: expected float or null, got str"),
    ],
)
def test_another_type_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        require_types(Tree(**changes))
