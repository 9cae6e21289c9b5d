"""The environments of the corpus: virtual environments, a folder of npm packages, and Debian packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.progress_line import say
from benchmarks.real_servers.server import RealServer

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
CACHE = HERE / ".environments"
_VERSIONS = (
    "import importlib.metadata, json, sys; print(json.dumps([importlib.metadata.version(p) for p in sys.argv[1:]]))"
)


def prepare(servers: Iterable[RealServer]) -> None:
    """Install what these servers need and is not installed yet."""
    chosen = list(servers)
    for environment in sorted({server.environment for server in chosen} - {"npm", "debian"}):
        _prepare_venv(environment)
    if any(server.environment == "npm" for server in chosen):
        _prepare_npm()
    _prepare_debian({package for server in chosen if server.environment == "debian" for package in server.packages})


def programs_of(environment: str) -> Path:
    """The folder with the programs of an environment. It is not used for Debian's programs."""
    folder = CACHE / environment
    return folder if environment in ("npm", "debian") else folder / "bin"


def versions_of(server: RealServer) -> list[str]:
    """The installed versions of the server's packages."""
    match server.environment:
        case "npm":
            return [_npm_version(package) for package in server.packages]
        case "debian":
            return [_output("dpkg-query", "-W", "-f", "${Version}", package) for package in server.packages]
        case environment:
            found: list[str] = json.loads(
                _output(str(programs_of(environment) / "python"), "-c", _VERSIONS, *server.packages)
            )
            return found


def _prepare_venv(name: str) -> None:
    folder, wanted = CACHE / name, HERE / "requirements" / f"{name}.txt"
    if _is_ready(folder, wanted):
        return
    say(f"installing {name} ...")
    _run(sys.executable, "-m", "venv", str(folder))
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(wanted))
    _mark_ready(folder, wanted)


def _prepare_npm() -> None:
    folder, wanted = CACHE / "npm", HERE / "npm" / "package.json"
    folder.mkdir(parents=True, exist_ok=True)
    for program in (PROGRAMS / "node").glob("*.mjs"):
        shutil.copy(program, folder)  # node looks for packages beside a program
    if _is_ready(folder, wanted):
        return
    say("installing npm packages ...")
    shutil.copy(wanted, folder)
    _run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", cwd=folder)
    _mark_ready(folder, wanted)


def _prepare_debian(packages: set[str]) -> None:
    missing = sorted(package for package in packages if not _is_installed(package))
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"Debian's packages are missing, and installing them needs root: {' '.join(command)}")
    say(f"installing {' '.join(missing)} ...")
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    )


def _is_installed(package: str) -> bool:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True, check=False
    )
    return asked.stdout.endswith(" installed")


def _is_ready(folder: Path, wanted: Path) -> bool:
    """Whether the folder was installed from the current content of the file."""
    marker = folder / "ready"
    return marker.is_file() and marker.read_bytes() == wanted.read_bytes()


def _mark_ready(folder: Path, wanted: Path) -> None:
    (folder / "ready").write_bytes(wanted.read_bytes())


def _npm_version(package: str) -> str:
    manifest = CACHE / "npm" / "node_modules" / package / "package.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["version"])


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd)
