"""The Python interpreter for a build's server.

Both builds run under the current Python, unless they require different packages. Then each gets a virtual environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import wsproof
from wsproof.comparison.repository import Commit, Repository
from wsproof.errors import UsageError

LOCKS = ("constraints*.txt", "requirements*.txt", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock*.toml")
"""Name patterns of files that pin packages."""
EXTRAS = ("reference", "servers")
"""Extras that a server may need. Extras that a project does not define are not installed."""
INSTALL_TIMEOUT_S = 900.0
"""Timeout of one installation command, in seconds."""


def required_packages(repository: Repository, commit: Commit) -> dict[str, Any]:
    """The parts of a build that determine its packages.

    These are whole lock files, and only the package sections of pyproject.toml.
    """
    packages: dict[str, Any] = {
        name: repository.text(commit, name)
        for name in repository.files(commit)
        if any(fnmatch(name, pattern) for pattern in LOCKS)
    }
    project = _project(repository.text(commit, "pyproject.toml"))
    # Not the whole file: a new line length for the linter is no reason to build two environments.
    project_section = project.get("project", {})
    for key in ("dependencies", "optional-dependencies", "requires-python"):
        packages[key] = project_section.get(key)
    packages["dependency-groups"] = project.get("dependency-groups")
    packages["poetry"] = project.get("tool", {}).get("poetry", {}).get("dependencies")
    return packages


def own_python(tree: Path, folder: Path) -> str:
    """Create a virtual environment in `folder` for the build in `tree`.

    Returns the path of its Python.

    Raises:
        UsageError: the packages cannot be installed. The message ends with the last lines of the installer's output.
    """
    _run([sys.executable, "-m", "venv", str(folder)], tree)
    python = str(folder / "bin" / "python")
    install(tree, python)
    return python


def install(tree: Path, python: str) -> None:
    """Install the packages of the build in `tree` for the interpreter `python`. Raises the same as `own_python`."""
    for command in install_commands(tree, python):
        _run(command, tree)


def install_commands(tree: Path, python: str) -> list[list[str]]:
    """The pip commands that install the packages of a build."""
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["-c", "constraints.txt"] if (tree / "constraints.txt").is_file() else []
    commands = []
    if (tree / "requirements.txt").is_file():
        commands.append([*pip, *constraints, "-r", "requirements.txt"])
    pyproject = tree / "pyproject.toml"
    project_section = _project(pyproject.read_text() if pyproject.is_file() else None).get("project")
    if project_section:
        extras = [name for name in EXTRAS if name in project_section.get("optional-dependencies", {})]
        commands.append([*pip, *constraints, f".[{','.join(extras)}]" if extras else "."])
    return commands


def import_path(root: Path, tree: Path, entries: Sequence[str] | None = None) -> str:
    """PYTHONPATH with which a server in `tree` imports the tree's code.

    It must not import the code of the checkout at `root`. An app that is installed in editable form (with a `src`
    layout, for example) is found through an entry of sys.path inside the checkout. Each such entry is replaced by the
    corresponding directory in the tree. The entry of wsproof itself is left out, because the harness is always that of
    the current checkout.
    """
    own = Path(wsproof.__file__).resolve().parent.parent
    counterparts = []
    for entry in entries if entries is not None else sys.path:
        place = Path(entry or ".").resolve()
        if place.is_relative_to(root) and place != own and "site-packages" not in place.parts:
            counterpart = tree / place.relative_to(root)
            if counterpart.is_dir() and str(counterpart) not in counterparts:
                counterparts.append(str(counterpart))
    existing = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*counterparts, *([existing] if existing else [])])


def _project(text: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text or "")
    except tomllib.TOMLDecodeError:
        return {"unreadable": text}


def _run(command: list[str], tree: Path) -> None:
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as slow:
        raise UsageError(f"installing the packages of {tree.name} took more than {INSTALL_TIMEOUT_S:.0f} s") from slow
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise UsageError(
            f"the two builds need different packages, and those of {tree.name} cannot be installed:\n{last}\n"
            "Install them by hand in two checkouts, measure each with `wsproof bench`, and compare the two runs"
        )
