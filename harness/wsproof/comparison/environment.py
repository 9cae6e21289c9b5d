"""The Python environment of a build's server.

Both builds run in the current environment, unless they declare different packages. Then each that declares packages
gets a virtual environment. An environment that `--setup` makes in `.venv` comes first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import wsproof
from wsproof.comparison.build_step import run_step
from wsproof.comparison.packages import extra_command, install_commands, is_package
from wsproof.errors import TargetError
from wsproof.target.servers import choose_servers
from wsproof.target.target import Target

LIST_PACKAGES = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions() if d.metadata['Name']}))"
)
WEBSOCKET_PACKAGES = frozenset({"websockets", "wsproto"})
"""Packages of which uvicorn needs one."""


@dataclass(frozen=True)
class BuildEnvironment:
    """A virtual environment in `folder`. `has_project`: the build's own code is installed there, too."""

    folder: Path
    has_project: bool = True

    @property
    def python(self) -> str:
        """The path of its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with which commands use it, as its `activate` sets them."""
        path = os.pathsep.join([str(self.folder / "bin"), *filter(None, [os.environ.get("PATH")])])
        return {"PATH": path, "VIRTUAL_ENV": str(self.folder)}

    @classmethod
    def made_in(cls, *folders: Path) -> BuildEnvironment | None:
        """The first environment that a setup command has left in one of these folders, as `.venv`."""
        environments = (cls(folder / ".venv") for folder in folders)
        return next((each for each in environments if Path(each.python).is_file()), None)


def make_environment(declared: Path, folder: Path, *, has_uv_lock: bool = False) -> BuildEnvironment:
    """Make a virtual environment in `folder`, with the packages that are declared in the directory `declared`.

    `has_uv_lock`: a uv.lock pins them, in this directory or in that of the workspace.

    Raises:
        TargetError: the packages cannot be installed. The message has the last lines of the installer's output.
    """
    uv = shutil.which("uv")
    environment = BuildEnvironment(folder, is_package(declared))
    creation = [uv, "venv", "--quiet", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    run_step([*creation, str(folder)], declared, {}, "making a virtual environment")
    commands = install_commands(declared, environment.python, uv=uv, has_uv_lock=has_uv_lock)
    for command in commands:
        run_step(command, declared, environment.variables | {"UV_PROJECT_ENVIRONMENT": str(folder)}, _shown(command))
    return environment


def add_server(environment: BuildEnvironment, target: Target) -> None:
    """Install the server that runs the app, if the build does not declare one.

    It is the version of the current environment, so that both builds get the same.

    Raises:
        TargetError: it cannot be installed.
    """
    if target.app is None:
        return
    missing = missing_server_packages(target.server, installed_packages(environment.python), target.app)
    if missing:
        ours = installed_packages(sys.executable)
        command = extra_command(shutil.which("uv"), environment.python, [_pinned(name, ours) for name in missing])
        run_step(command, target.cwd, environment.variables, _shown(command))


def missing_server_packages(server: str, installed: Mapping[str, str], app: str = "") -> list[str]:
    """The packages that are not installed, of the server or servers that `--server` names for the app."""
    needs: list[str] = []
    for each in choose_servers(server, app):
        needs += each.needs
        if each.needs == ("uvicorn",) and not WEBSOCKET_PACKAGES & installed.keys():
            needs.append("websockets")
    return [name for name in dict.fromkeys(needs) if name not in installed]


def installed_packages(python: str) -> dict[str, str]:
    """The versions of all packages of an interpreter, by name in lower case.

    Raises:
        TargetError: the interpreter cannot be run.
    """
    try:
        done = subprocess.run([python, "-c", LIST_PACKAGES], capture_output=True, text=True, timeout=120, check=True)
    except (OSError, subprocess.SubprocessError) as failed:
        raise TargetError(f"{python} cannot list its packages: {failed}") from failed
    return dict(sorted(json.loads(done.stdout).items()))


def _pinned(name: str, versions: Mapping[str, str]) -> str:
    return f"{name}=={versions[name]}" if name in versions else name


def _shown(command: Sequence[str]) -> str:
    """The command without the paths of this comparison's temporary folders."""
    words = [Path(word).name if word.startswith("/") else word for word in command]
    return f"`{' '.join(words)}`"


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
