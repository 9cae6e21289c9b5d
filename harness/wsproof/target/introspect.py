"""Inspect the target's Python interpreter: its installed packages and the app's WebSocket routes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from wsproof.errors import TargetError, UsageError
from wsproof.net.endpoint import with_query
from wsproof.net.redact import redact
from wsproof.target import guard
from wsproof.target.target import Target

_IMPORT_TIMEOUT_S = 30.0
_FACTS_TIMEOUT_S = 120.0
"""Timeout in seconds. No code of the user runs, so only a stalled machine needs more than one second."""
_SERVER_PACKAGES = ("uvicorn", "websockets", "wsproto", "hypercorn", "granian", "daphne")
_PACKAGES = (*_SERVER_PACKAGES, "starlette", "fastapi", "uvloop", "httptools", "h11", "autobahn")


@dataclass(frozen=True)
class Interpreter:
    """The packages installed for an interpreter.

    `uvicorn_auto` is the module that uvicorn's `--ws auto` picks there.
    """

    python: str
    versions: Mapping[str, str]
    uvicorn_auto: str | None


def guarded(command: list[str], *, grace_s: float | None = None, files: int = 0) -> list[str]:
    """Return the command line that runs `command` under our guard, by our own interpreter.

    `files` is the file descriptor limit that the command gets at least.
    """
    options = [] if grace_s is None else ["--grace", str(grace_s)]
    options += ["--files", str(files)] if files else []
    # By path and isolated: the guard starts in the target's folder, whose modules and PYTHON* variables must not affect
    # it.
    return [sys.executable, "-I", "-S", guard.__file__, *options, "--", *command]


@cache
def interpreter(python: str) -> Interpreter:
    """Return what is installed for the interpreter `python`. Cached.

    Raises:
        TargetError: the interpreter cannot be run.
    """
    data = _probe(python, ["facts", *_PACKAGES], Path.cwd(), {}, ())
    return Interpreter(data["python"], data["versions"], data["uvicorn_auto"])


@dataclass(frozen=True)
class AppFacts:
    """The result of an import of the app.

    `absent` is the first missing part of the app's name, `candidates` the names in the module that look like apps.
    `problem` says why the object is no ASGI app. `is_complete` means that all its routes can be seen.
    """

    absent: str | None
    candidates: tuple[str, ...]
    problem: str
    paths: tuple[str, ...]
    http: tuple[str, ...]
    is_complete: bool

    @property
    def may_make_app(self) -> bool:
        """Whether calling the object may return an app."""
        return "class" in self.problem or "function without" in self.problem


def app_facts(target: Target) -> AppFacts:
    """Import the target's app in a separate process and inspect it. Cached.

    Raises:
        TargetError: the app cannot be imported. The message has its last output lines.
    """
    assert target.app is not None
    return _app_facts(target.app, target.cwd, target.python, target.env, target.secrets)


@cache
def _app_facts(
    app: str, cwd: Path, python: str, env: tuple[tuple[str, str], ...], secrets: tuple[str, ...]
) -> AppFacts:
    answer = _probe(python, ["routes", app], cwd, dict(env), secrets)
    paths = tuple(dict.fromkeys(answer["paths"]))
    return AppFacts(
        answer["absent"],
        tuple(answer["candidates"]),
        answer["problem"],
        paths,
        tuple(answer["http"]),
        answer["is_complete"],
    )


def require_app(target: Target) -> None:
    """Check, before a server starts, that the target's app can be an ASGI app.

    An app that cannot be imported passes: the server that runs it reports the error better.

    Raises:
        UsageError: the app does not exist, is no ASGI app, or has no WebSocket route at the path.
    """
    if target.app is None or target.is_reference:
        return
    try:
        facts = app_facts(target)
    except TargetError:
        return
    module = target.app.partition(":")[0]
    if facts.absent is not None:
        near = get_close_matches(facts.absent, facts.candidates, n=1, cutoff=0.5) or list(facts.candidates)[:5]
        advice = f"did you mean {module}:{near[0]}?" if len(near) == 1 else f"it has {', '.join(near) or 'no app'}."
        raise UsageError(f"expected the app {facts.absent} in the module {module}, but there is none: {advice}")
    if facts.problem:
        maker = target.app.partition(":")[2]
        made = f"write a module with `from {module} import {maker}` and `app = {maker}()`, and name its app"
        raise UsageError(
            f"{target.app} is no ASGI app: expected a callable that takes (scope, receive, send), but it "
            f"{facts.problem}. {'Name the app itself' if not facts.may_make_app else f'If it creates one, {made}'}."
        )
    if facts.is_complete and not facts.paths:
        shown = ", ".join(facts.http[:8]) or "none at all"
        raise UsageError(
            f"{target.app} has no WebSocket route, so nothing can be tested; its routes are {shown}. "
            "Name the app that has one, or add one: @app.websocket('/ws')"
        )
    path = (target.path or "").partition("?")[0]
    if (
        facts.is_complete
        and path
        and not target.path_from_channels
        and not any(_fits(path, route) for route in facts.paths)
    ):
        near = get_close_matches(path, facts.paths, n=1, cutoff=0.3)
        raise UsageError(
            f"{target.app} has no WebSocket route for the path {path}; it has {', '.join(facts.paths)}. "
            f"Did you mean --path {(near or facts.paths)[0]}?"
        )


def _fits(path: str, route: str) -> bool:
    """Whether a route, with its parameters in braces, can match this path."""
    pattern = ""
    for piece in re.split(r"(\{[^{}]*\})", route):
        if piece.startswith("{"):
            pattern += ".+" if ":path" in piece else "[^/]+"
        else:
            pattern += re.escape(piece)
    return re.fullmatch(pattern, unquote(path)) is not None


def resolve_path(target: Target) -> Target:
    """Return the target with its `path` set.

    That is the given path, or the app's only WebSocket route, or "/" for a URL without a path. An app whose routes
    cannot be seen gets "/" too.

    Raises:
        UsageError: the app has several routes, or one with a parameter (the message lists them), or is no ASGI app.
        TargetError: the app cannot be imported.
    """
    if target.path is not None:
        return target
    if target.app is None:
        return target.but(path=with_query("/", target.query))
    paths = app_facts(target).paths
    require_app(target)
    if not paths:
        return target.but(path="/")
    if len(paths) == 1 and "{" not in paths[0]:
        return target.but(path=paths[0])
    which = "several WebSocket routes" if len(paths) > 1 else "one WebSocket route, which has a parameter"
    example = next((path for path in paths if "{" not in path), paths[0].partition("{")[0] + "1")
    raise UsageError(
        f"{target.app} has {which}: {', '.join(paths)}. Choose one with --path {example} "
        "(or test all of them with --channels, see --help)"
    )


def child_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return our environment plus `env`, with unbuffered Python output."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **env}


def cannot_start_in(cwd: Path, error: OSError) -> TargetError:
    """Return the error for a folder in which no process can be started."""
    return TargetError(f"cannot start anything in {cwd}: {error.strerror}. Does the folder exist?")


def _probe(python: str, arguments: list[str], cwd: Path, env: Mapping[str, str], secrets: tuple[str, ...]) -> Any:
    source = files("wsproof.target").joinpath("_probe.py").read_text()
    try:
        # Keep this pipe open: if we die, it closes, and the guard ends the probe.
        process = subprocess.Popen(
            guarded([python, "-c", source, *arguments]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=child_environment(env),
            start_new_session=True,
        )
    except OSError as error:
        raise cannot_start_in(cwd, error) from error
    with process:
        out, err = _communicate(process, arguments)
    if process.returncode != 0:
        lines = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
        lines = _without_import_frames(lines) if arguments[0] == "routes" else lines[-8:]
        raise TargetError(_failure(python, arguments, process.returncode, redact("\n    ".join(lines), secrets)))
    return json.loads(out)


def _communicate(process: subprocess.Popen[bytes], arguments: list[str]) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    imports_app = arguments[0] == "routes"
    timeout_s = _IMPORT_TIMEOUT_S if imports_app else _FACTS_TIMEOUT_S
    try:
        stdin, process.stdin = process.stdin, None  # communicate() would close stdin, and the guard would end the probe
        with stdin:
            return process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.communicate()
        if not imports_app:
            raise TargetError(f"the interpreter did not report its packages within {timeout_s:.0f} s") from None
        raise TargetError(
            f"importing {arguments[-1]} took longer than {timeout_s:.0f} s. "
            "Does it start its own server when imported? Put that under `if __name__ == '__main__':`"
        ) from None


def _without_import_frames(lines: list[str]) -> list[str]:
    """Return the last lines of a traceback, without frames of the import machinery and of our probe."""
    kept: list[str] = []
    ours = False
    for line in lines:
        if line.lstrip().startswith('File "'):
            ours = any(part in line for part in ('"<frozen', '"<string>"', "/importlib/"))
        elif not line.startswith(" "):
            ours = False
        if not ours and not line.startswith("Traceback"):
            kept.append(line)
    return kept[-8:]


def _failure(python: str, arguments: list[str], code: int, output: str) -> str:
    if arguments[0] == "routes":
        return (
            f"expected to import {arguments[1]}, but that failed. Its output:\n    {output}\n"
            "Run wsproof in the folder from which the app can be imported, with the interpreter that has its packages. "
            "--env NAME=VALUE sets environment variables of the app"
        )
    name = Path(python).name
    return f"expected a Python interpreter at {name}, but running it failed ({code}). Its output:\n    {output}"
