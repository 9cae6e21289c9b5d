"""Tests that packages import only along the arrows of the design, and keep their third-party promises."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
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


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, at any place in it, TYPE_CHECKING blocks included."""
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


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_imports_only_along_the_arrows(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return  # the public API; test_public_api.py checks that it imports lazily
    allowed = {other for other, floor in FLOOR_OF.items() if floor < FLOOR_OF[room]} | {room}
    assert rooms_imported(path) <= allowed


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_keeps_out_what_it_promises_to_keep_out(path: Path) -> None:
    room = room_of(path)
    packages = {name.split(".")[0] for name in imported(path)}
    assert packages <= ONLY.get(room, packages)
    for package, rooms in RESERVED.items():
        assert package not in packages or room in rooms, f"only {rooms} may import {package}"


def test_every_room_has_a_level() -> None:
    rooms = {room_of(path) for path in sources()} - {"__init__"}
    assert rooms <= set(FLOOR_OF)


@pytest.mark.parametrize("path", sources(ROOT / "target_app"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_reference_server_does_not_import_the_harness(path: Path) -> None:
    assert not any(name.split(".")[0] == "wsproof" for name in imported(path))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_the_harness_does_not_import_the_reference_server(path: Path) -> None:
    assert not any(name.split(".")[0] == "target_app" for name in imported(path))


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
