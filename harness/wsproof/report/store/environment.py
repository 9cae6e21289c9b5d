"""Describes the commit and the machine of a run: enough to decide whether two runs can be compared.

Contains no host name, user name or path, because pages are passed on.
"""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import wsproof

PACKAGES = ("numpy", "uvloop", "hypothesis", "pytest", "pytest-benchmark", "locust", "psutil", "websockets", "uvicorn")
"""Packages whose versions may affect a measurement."""
GIT_SECONDS = 10.0
"""Timeout in seconds of a `git` or `sysctl` command."""


def git_facts(cwd: Path) -> dict[str, Any]:
    """Branch, commit, whether tracked files have changes, and `git describe`. All null outside a repository.

    `branch` is also null if HEAD is detached.
    """
    sha = _git(cwd, "rev-parse", "HEAD")
    if sha is None:
        return {"branch": _git(cwd, "symbolic-ref", "--short", "HEAD"), "sha": None, "dirty": None, "describe": None}
    changed = _git(cwd, "status", "--porcelain", "--untracked-files=no")
    return {
        "branch": _git(cwd, "symbolic-ref", "--short", "HEAD"),
        "sha": sha,
        "dirty": None if changed is None else bool(changed),
        "describe": _git(cwd, "describe", "--always", "--tags", "--dirty"),
    }


def machine_facts() -> dict[str, Any]:
    """Processor, cores, memory, system, Python, and the versions of PACKAGES."""
    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=True),
        "cores_usable": _usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "os": _system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "arch": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "wsproof": wsproof.__version__,
        "packages": {name: installed_version(name) for name in PACKAGES},
    }


def _git(cwd: Path, *arguments: str) -> str | None:
    """The output of a git command; None if it fails.

    Takes no optional locks, so it never blocks a git command of the user.
    """
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=environment, capture_output=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def _cpu_model() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return _sysctl("machdep.cpu.brand_string") or platform.processor() or None


def _sysctl(name: str) -> str | None:
    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() or None


def _usable_cores() -> int | None:
    # A container or taskset may allow fewer cores than the machine has. macOS has no such call.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _system() -> str:
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def installed_version(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
