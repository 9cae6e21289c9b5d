"""Tests that packages import only along the arrows of the design, and keep their third-party promises."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "harness" / "wsproof"
TO_BE_COPIED = ROOT / "target_app" / "lite"
"""The only folder with relative imports, so that it works under any name."""

FLOORS = (
    {"errors"},
    {"wire", "model"},
    {"workloads", "checks", "stats", "deviations", "net"},
    {"machine"},
    {"target"},
    {"load", "conformance", "delivery"},
    {"comparison", "report"},
    {"session"},
    {"cli", "pytest", "locust"},
)
"""The layers. A package may import itself and packages of the layers below its own."""

FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ONLY = {
    "wire": set(sys.stdlib_module_names) | {"wsproof"},
    "model": set(sys.stdlib_module_names) | {"wsproof", "numpy"},
}
RESERVED = {
    "hypothesis": {"conformance", "delivery"},
    "locust": {"locust"},
    "gevent": {"locust"},
    "rich": {"report", "cli"},
}


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def sources(folder: Path = HOUSE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Return all modules that a file imports, at any place in it, TYPE_CHECKING blocks included."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            if node.level == 1 and path.parent == TO_BE_COPIED:
                yield f"target_app.lite.{node.module}"
                continue
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module
            if node.module == "wsproof":
                yield from (f"wsproof.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "wsproof" and len(parts) > 1} - {"__version__"}


@pytest.mark.parametrize("room", sorted(FLOOR_OF))
def test_a_room_imports_only_along_the_arrows(room: str) -> None:
    allowed = {other for other, floor in FLOOR_OF.items() if floor < FLOOR_OF[room]} | {room}
    against = {path: rooms_imported(path) - allowed for path in sources() if room_of(path) == room}
    assert against
    assert [(path, rooms) for path, rooms in against.items() if rooms] == []


@pytest.mark.parametrize("room", ["__init__", *sorted(FLOOR_OF)])
def test_a_room_keeps_out_what_it_promises_to_keep_out(room: str) -> None:
    packages = {path: {name.split(".")[0] for name in imported(path)} for path in sources() if room_of(path) == room}
    others = {package for package, rooms in RESERVED.items() if room not in rooms}
    assert [(path, named & others) for path, named in packages.items() if named & others] == []
    allowed = ONLY.get(room, set().union(*packages.values()))
    assert [(path, named - allowed) for path, named in packages.items() if named - allowed] == []


def test_every_room_has_a_level() -> None:
    rooms = {room_of(path) for path in sources()} - {"__init__"}
    assert rooms <= set(FLOOR_OF)


@pytest.mark.parametrize(("folder", "other"), [(ROOT / "target_app", "wsproof"), (HOUSE, "target_app")])
def test_the_reference_server_and_the_harness_do_not_import_each_other(folder: Path, other: str) -> None:
    assert [path for path in sources(folder) if other in {name.split(".")[0] for name in imported(path)}] == []


def test_loading_the_pytest_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import wsproof.pytest.plugin; "
        "print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"wsproof"}


def test_one_file_knows_the_reference_server() -> None:
    named = [
        path.relative_to(HOUSE).as_posix()
        for path in sorted(HOUSE.rglob("*.py"))
        if "target_app" in path.read_text(encoding="utf-8").lower()
    ]
    assert named == ["model/reference_server.py"]
