"""The packages that a commit asks for: which files declare them, and the commands that install them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from wsproof.comparison.repository import Commit, Repository
from wsproof.errors import TargetError

LOCKS = ("constraints*.txt", "requirements*.txt", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock*.toml")
"""Name patterns of files that pin packages."""
EXTRAS = ("reference", "servers")
"""Extras that a server may need. Extras that a project does not define are not installed."""


@dataclass(frozen=True)
class DeclaredPackages:
    """What a commit declares about its packages. Two commits with equal declarations need the same packages.

    `folder` is the directory of the declaring files, relative to the top of the repository: the nearest one at or above
    the directory of the app. `sections` are whole lock files, and only the package sections of pyproject.toml.
    """

    folder: Path = Path()
    sections: dict[str, Any] = field(default_factory=dict)

    @property
    def has_uv_lock(self) -> bool:
        """Whether a uv.lock pins the packages, in `folder` or in that of the workspace."""
        return "uv.lock" in self.sections


def declared_packages(repository: Repository, commit: Commit, folder: Path = Path()) -> DeclaredPackages | None:
    """Find the packages that a commit declares for the app in `folder`. None: it declares nothing."""
    for place in (folder, *folder.parents):
        sections = _sections(repository, commit, place)
        if sections:
            return DeclaredPackages(place, sections | _workspace_lock(repository, commit, place))
    return None


def _sections(repository: Repository, commit: Commit, folder: Path) -> dict[str, Any]:
    sections: dict[str, Any] = {
        name: repository.text(commit, folder / name)
        for name in repository.files(commit, folder)
        if any(fnmatch(name, pattern) for pattern in LOCKS)
    }
    project = _project(repository.text(commit, folder / "pyproject.toml"))
    # Not the whole file: a new line length for the linter is no reason to build two environments.
    project_section = project.get("project", {})
    declared = {key: project_section.get(key) for key in ("dependencies", "optional-dependencies", "requires-python")}
    declared["dependency-groups"] = project.get("dependency-groups")
    declared["poetry"] = project.get("tool", {}).get("poetry", {}).get("dependencies")
    declared["unreadable"] = project.get("unreadable")
    return sections | {key: value for key, value in declared.items() if value is not None}


def _workspace_lock(repository: Repository, commit: Commit, folder: Path) -> dict[str, Any]:
    """The uv.lock of the nearest directory at or above `folder`: the members of a uv workspace share one."""
    for place in (folder, *folder.parents):
        text = repository.text(commit, place / "uv.lock")
        if text is not None:
            return {"uv.lock": text}
    return {}


def install_commands(folder: Path, python: str, *, uv: str | None, has_uv_lock: bool) -> list[list[str]]:
    """The commands that install the packages declared in `folder` for the interpreter `python`.

    `uv` is the path of uv, which is used where it is present. Its `uv sync` also needs UV_PROJECT_ENVIRONMENT.

    Raises:
        TargetError: nothing here can install what is declared. The message says what to do.
    """
    project = _project(_text(folder / "pyproject.toml"))
    extras = [name for name in EXTRAS if name in project.get("project", {}).get("optional-dependencies", {})]
    if uv is not None and has_uv_lock:
        return [[uv, "sync", "--frozen", "--quiet", *(part for name in extras for part in ("--extra", name))]]
    install = [*_installer(uv, python), *_constraints(folder)]
    commands = []
    if (folder / "requirements.txt").is_file():
        commands.append([*install, "-r", "requirements.txt"])
    if is_package(folder):
        commands.append([*install, f".[{','.join(extras)}]" if extras else "."])
    elif packages := _dependencies(project, extras):
        # Without a build system, most projects are no packages: pip would refuse to build several top-level folders.
        commands.append([*install, *packages])
    if not commands:
        raise TargetError(
            "wsproof cannot install the packages that are declared there: it reads requirements.txt, pyproject.toml "
            "and, if uv is installed, uv.lock. Add --setup with a command that makes an environment in .venv"
        )
    return commands


def is_package(folder: Path) -> bool:
    """Whether the project in this directory can be built and installed."""
    return "build-system" in _project(_text(folder / "pyproject.toml"))


def _installer(uv: str | None, python: str) -> list[str]:
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", python]
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def extra_command(uv: str | None, python: str, requirements: Sequence[str]) -> list[str]:
    """The command that installs further packages for the interpreter `python`."""
    return [*_installer(uv, python), *requirements]


def _constraints(folder: Path) -> list[str]:
    return ["-c", "constraints.txt"] if (folder / "constraints.txt").is_file() else []


def _dependencies(project: dict[str, Any], extras: Sequence[str]) -> list[str]:
    section = project.get("project", {})
    optional = section.get("optional-dependencies", {})
    return [*section.get("dependencies", []), *(each for name in extras for each in optional[name])]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _project(text: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text or "")
    except tomllib.TOMLDecodeError:
        return {"unreadable": text}
