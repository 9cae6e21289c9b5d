"""Tests that the small server stays small, and can be imported from a copy under another name."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "target_app" / "lite"
PACKAGES = {"fastapi", "uvicorn"}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None
            yield node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "nothing of the folder above it"


def lines_of_code(source: str) -> int:
    """Count the lines that are not empty, a comment, a docstring or an import."""
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Expr) and _is_text(node.value)):
            texts.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(1 for number, line in lines if number not in texts and line.strip() and line.strip()[0] != "#")


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def test_the_small_server_needs_only_fastapi_and_uvicorn() -> None:
    used = {name for file in FOLDER.glob("*.py") for name in imported(file.read_text())}
    assert used - sys.stdlib_module_names == PACKAGES


def test_the_small_server_has_some_300_lines_of_code() -> None:
    """Apart from its settings, its command line, its signal handlers and its way of reading, which have some 100."""
    lines = {file.name: lines_of_code(file.read_text()) for file in FOLDER.glob("*.py")}
    around = sum(lines.pop(name) for name in ("settings.py", "__main__.py", "drain.py", "reading.py"))
    assert sum(lines.values()) <= 310, lines
    assert around <= 110


def test_a_copy_under_another_name_runs(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "corner_shop", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys, corner_shop.app; sys.exit(any(name.startswith('target_app') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "corner_shop", "--help"], cwd=tmp_path, check=True, capture_output=True)
