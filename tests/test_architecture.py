"""Tests that each file and name in ARCHITECTURE.md exists in the code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`([\w./-]+\.(?:py|toml))`", TEXT)) - {"pyproject.toml"})
NAMES = sorted(set(re.findall(r"`((?:[A-Z]\w+\.)?_?\w+)`", TEXT)))


@cache
def code() -> dict[str, str]:
    """Return the text of each module of the library, by path."""
    house = ROOT / "harness" / "wsproof"
    return {path.relative_to(house).as_posix(): path.read_text(encoding="utf-8") for path in house.rglob("*.py")}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_architecture_names_exists(name: str) -> None:
    assert (ROOT / name).is_file() or any(path == name or path.endswith(f"/{name}") for path in code()), name


def test_a_name_that_the_architecture_mentions_is_in_the_code() -> None:
    words = set(re.findall(r"\w+", "\n".join(code().values())))
    assert [name for name in NAMES if name.rpartition(".")[2] not in words] == []
