"""Tests of the public API: the exports of `wsproof`, its cheap import, and its use in the documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import wsproof

ROOT = Path(__file__).resolve().parents[1]
README = Path(wsproof.__file__).parent / "workloads" / "README.md"
USERS = ("tests", "harness/benchmarks", "scenarios", "examples", "docs")
"""Folders with users of wsproof. They import public names from `wsproof`, as a reader should."""
IMPORT = re.compile(r"from (wsproof\.[\w.]+) import (\([^)]*\)|[^(\n]*)")
"""An import from a module of wsproof: in a program, in the text of a program, or in a page."""


@pytest.mark.parametrize("name", wsproof.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(wsproof, name) is not None


def test_the_list_is_sorted_and_complete() -> None:
    assert set(wsproof.__all__) == set(wsproof._MODULE_OF) | {"__version__"}
    assert len(set(wsproof.__all__)) == len(wsproof.__all__)


def test_the_guide_lists_every_public_name() -> None:
    listed = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "reference" / "from-python.md").read_text(encoding="utf-8")))
    assert set(wsproof.__all__) - listed == set()


def test_the_help_of_the_command_line_loads_no_heavy_package() -> None:
    code = (
        "import sys, wsproof.cli.parser as parser; parser.build_parser().format_help(); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "hypothesis", "rich", "psutil", "structlog", "locust", "jinja2"} & set(done.stdout.split())


def test_no_module_of_the_package_hides_a_public_name() -> None:
    modules = {path.stem for path in Path(wsproof.__file__).parent.iterdir()}
    assert not modules & set(wsproof.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Crowd'"):
        _ = wsproof.Crowd


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, wsproof; print(*sorted(name for name in sys.modules if name.startswith('wsproof')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["wsproof"]


@pytest.mark.parametrize(
    "page", [README, ROOT / "README.md", ROOT / "docs" / "reference" / "from-python.md"], ids=lambda page: page.name
)
def test_the_guides_import_from_the_public_api_alone(page: Path) -> None:
    imported = re.findall(r"^(?:from|import) (wsproof[\w.]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(imported) == {"wsproof"}


def imported(text: str) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import of a text."""
    for module, names in IMPORT.findall(text):
        yield from ((module, name) for name in re.findall(r"\w+", names))


def is_public(module: str, name: str) -> bool:
    """Whether this is a public object, and not only something private with the name of one."""
    return name in wsproof.__all__ and getattr(import_module(module), name, None) is getattr(wsproof, name)


@pytest.mark.parametrize("folder", USERS)
def test_public_names_are_imported_from_the_package(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md"}]
    assert files
    private = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for module, name in imported(path.read_text(encoding="utf-8"))
        if is_public(module, name)
    ]
    assert private == []


@pytest.mark.parametrize("names", ["Chat, Contract", "(\n    Contract,\n)"])
def test_an_import_of_a_public_name_from_its_module_is_found(names: str) -> None:
    assert ("wsproof.model.contract", "Contract") in list(imported(f"from wsproof.model.contract import {names}\n"))
    assert is_public("wsproof.model.contract", "Contract")
    assert not is_public("wsproof.session", "capacity")  # a module that is called like the public function in it
