"""Tests that packages import only lower layers, and only the third-party packages that they may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HARNESS = ROOT / "harness" / "wsproof"
COPIED_FOLDER = ROOT / "target_app" / "lite"
"""The only folder with relative imports, so that it works under any name."""

LAYERS = (
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

LAYER_OF = {package: number for number, packages in enumerate(LAYERS) for package in packages}
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


def package_of(path: Path) -> str:
    return path.relative_to(HARNESS).parts[0].removesuffix(".py")


def sources(folder: Path = HARNESS) -> list[Path]:
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
            if node.level == 1 and path.parent == COPIED_FOLDER:
                yield f"target_app.lite.{node.module}"
                continue
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module
            if node.module == "wsproof":
                yield from (f"wsproof.{alias.name}" for alias in node.names)


def packages_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "wsproof" and len(parts) > 1} - {"__version__"}


@pytest.mark.parametrize("package", sorted(LAYER_OF))
def test_a_package_imports_only_packages_of_lower_layers(package: str) -> None:
    allowed = {other for other, layer in LAYER_OF.items() if layer < LAYER_OF[package]} | {package}
    forbidden = {path: packages_imported(path) - allowed for path in sources() if package_of(path) == package}
    assert forbidden
    assert [(path, packages) for path, packages in forbidden.items() if packages] == []


@pytest.mark.parametrize("package", ["__init__", *sorted(LAYER_OF)])
def test_a_package_imports_only_its_allowed_third_party_packages(package: str) -> None:
    roots_by_path = {
        path: {name.split(".")[0] for name in imported(path)} for path in sources() if package_of(path) == package
    }
    excluded = {library for library, users in RESERVED.items() if package not in users}
    assert [(path, roots & excluded) for path, roots in roots_by_path.items() if roots & excluded] == []
    allowed = ONLY.get(package, set().union(*roots_by_path.values()))
    assert [(path, roots - allowed) for path, roots in roots_by_path.items() if roots - allowed] == []


def test_every_package_has_a_layer() -> None:
    packages = {package_of(path) for path in sources()} - {"__init__"}
    assert packages <= set(LAYER_OF)


@pytest.mark.parametrize(("folder", "other"), [(ROOT / "target_app", "wsproof"), (HARNESS, "target_app")])
def test_the_reference_server_and_the_harness_do_not_import_each_other(folder: Path, other: str) -> None:
    assert [path for path in sources(folder) if other in {name.split(".")[0] for name in imported(path)}] == []


def test_loading_the_pytest_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import wsproof.pytest.plugin; "
        "print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"wsproof"}


def test_one_file_names_the_reference_server() -> None:
    named = [
        path.relative_to(HARNESS).as_posix()
        for path in sorted(HARNESS.rglob("*.py"))
        if "target_app" in path.read_text(encoding="utf-8").lower()
    ]
    assert named == ["model/reference_server.py"]
