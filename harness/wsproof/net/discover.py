"""Ask the target's own interpreter: which packages are there, and where an app has its WebSocket routes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from wsproof.errors import TargetError, UsageError
from wsproof.net import guard
from wsproof.net.endpoint import with_query
from wsproof.net.redact import redact
from wsproof.net.target import Target

_PROBE_TIMEOUT_S = 30.0
_SERVER_PACKAGES = ("uvicorn", "websockets", "wsproto", "hypercorn", "granian", "daphne")
_PACKAGES = (*_SERVER_PACKAGES, "starlette", "fastapi", "uvloop", "httptools", "h11", "autobahn")


@dataclass(frozen=True)
class Interpreter:
    """What is installed beside an interpreter. `uvicorn_auto` is the module that its `--ws auto` takes."""

    python: str
    versions: Mapping[str, str]
    uvicorn_auto: str | None


def guarded(command: list[str], *, grace_s: float | None = None, files: int = 0) -> list[str]:
    """The command line that runs `command` under our guard, by our own interpreter; it may open `files` at least."""
    options = [] if grace_s is None else ["--grace", str(grace_s)]
    options += ["--files", str(files)] if files else []
    # By path and isolated: it starts in a stranger's folder, whose modules and PYTHON* variables must not reach it.
    return [sys.executable, "-I", "-S", guard.__file__, *options, "--", *command]


@cache
def interpreter(python: str) -> Interpreter:
    """What is installed beside the interpreter `python`.

    Raises:
        TargetError: it cannot be run.
    """
    data = _probe(python, ["facts", *_PACKAGES], Path.cwd(), {}, ())
    return Interpreter(data["python"], data["versions"], data["uvicorn_auto"])


def discover_websocket_paths(
    app: str, cwd: Path, python: str, env: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Import an app in a process of its own and list its WebSocket routes, in their order, as they are written.

    An app whose routes cannot be seen (a plain ASGI callable) has the one path `/`.

    Raises:
        TargetError: the app cannot be imported; its last output lines are in the message.
    """
    found: list[str] = _probe(python, ["routes", app], cwd, env or {}, secrets)
    return tuple(dict.fromkeys(found))


def resolve_path(target: Target) -> Target:
    """The same target with its `path`: as given, or the app's only WebSocket route; "/" for a URL without a path.

    Raises:
        UsageError: the app has several routes, or one with a parameter: the message lists them.
        TargetError: the app cannot be imported.
    """
    if target.path is not None:
        return target
    if target.app is None:
        return target.but(path=with_query("/", target.query))
    paths = discover_websocket_paths(target.app, target.cwd, target.python, dict(target.env), target.secrets)
    if not paths:
        return target.but(path="/")
    if len(paths) == 1 and "{" not in paths[0]:
        return target.but(path=paths[0])
    which = "several WebSocket routes" if len(paths) > 1 else "one WebSocket route, which has a parameter"
    example = next((path for path in paths if "{" not in path), paths[0].partition("{")[0] + "1")
    raise UsageError(
        f"{target.app} has {which}: {', '.join(paths)}. Say which to test: --path {example} "
        "(or test them together: --channels, see --help)"
    )


def child_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Our environment plus `env`, for a process whose output we want as it comes."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **env}


def _probe(python: str, arguments: list[str], cwd: Path, env: Mapping[str, str], secrets: tuple[str, ...]) -> Any:
    source = files("wsproof.net").joinpath("_probe.py").read_text()
    # A pipe that stays open: the guard ends the probe when we die.
    process = subprocess.Popen(
        guarded([python, "-c", source, *arguments]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=child_environment(env),
        start_new_session=True,
    )
    with process:
        out, err = _communicate(process, arguments)
    if process.returncode != 0:
        said = [line for line in err.decode(errors="replace").splitlines() if line.strip()][-8:]
        raise TargetError(_failure(python, arguments, process.returncode, redact("\n    ".join(said), secrets)))
    return json.loads(out)


def _communicate(process: subprocess.Popen[bytes], arguments: list[str]) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    try:
        stdin, process.stdin = process.stdin, None  # communicate() would close it, and the guard end the probe
        with stdin:
            return process.communicate(timeout=_PROBE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.communicate()
        raise TargetError(
            f"importing {arguments[-1]} took longer than {_PROBE_TIMEOUT_S:.0f} s. "
            "Does it start its own server when imported? Put that under `if __name__ == '__main__':`"
        ) from None


def _failure(python: str, arguments: list[str], code: int, said: str) -> str:
    if arguments[0] == "routes":
        return (
            f"expected to import {arguments[1]}, but that failed. It said:\n    {said}\n"
            "Run wsproof in the folder from which the app can be imported, with the interpreter that has its packages"
        )
    return f"expected a Python interpreter at {Path(python).name}, but running it failed ({code}). It said:\n    {said}"
