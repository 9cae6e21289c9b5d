"""`wsproof init`: look at an app or a server, and plan the files with which its project is tested."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wsproof.errors import UsageError
from wsproof.session.console import SILENT, Console
from wsproof.session.context import target_of
from wsproof.session.init_files import PlannedFile, planned_files
from wsproof.session.options import InitOptions
from wsproof.session.recognition import RecognisedChannel, recognise
from wsproof.target.introspect import app_facts
from wsproof.target.server import serve
from wsproof.target.target import Target

_MAKES_APP = re.compile(r"^(\w+)(?:\s*:[^=]+)?\s*=\s*(?:\w+\.)?(?:FastAPI|Starlette|Litestar|Quart)\(", re.MULTILINE)
MOST_CHANNELS = 6
"""Maximum number of paths of an app that are looked at."""


@dataclass(frozen=True)
class InitResult:
    """The channels that were recognised at the target, and the files to write."""

    target: str
    channels: Sequence[RecognisedChannel]
    files: Sequence[PlannedFile]


def init(options: InitOptions, *, console: Console = SILENT) -> InitResult:
    """Look at the target, and plan the files. Nothing is written.

    Raises:
        UsageError: no target is given, and this folder does not have exactly one app.
        TargetError: the target cannot be started or reached.
    """
    folder = Path.cwd()
    spec = options.target or guessed_target(folder)
    options = replace(options, target=spec)
    target = target_of(options, folder)
    with serve(target) as server:
        recognised = []
        for path in _paths(target):
            console.headline(f"{path}: two clients connect and send a text")
            recognised.append(recognise(server, path))
    return InitResult(spec, recognised, planned_files(folder, spec, options, recognised, starts=target.is_ours))


def guessed_target(folder: Path) -> str:
    """The only app that a module in this folder or in one of its packages creates.

    Raises:
        UsageError: there is none, or there are several.
    """
    modules = sorted([*folder.glob("*.py"), *folder.glob("*/*.py")])
    apps = []
    for module in modules:
        name = ".".join(module.relative_to(folder).with_suffix("").parts)
        text = module.read_text(encoding="utf-8", errors="replace")
        apps += [f"{name}:{app}" for app in _MAKES_APP.findall(text) if not module.name.startswith("test_")]
    if len(apps) == 1:
        return apps[0]
    problem = f"this folder has several apps: {', '.join(apps)}" if apps else "no app was found in this folder"
    raise UsageError(f"{problem}. Name a TARGET, such as my_app:app or ws://127.0.0.1:8000/ws")


def _paths(target: Target) -> list[str]:
    if target.path is not None or target.app is None:
        return [target.path or "/"]
    return list(app_facts(target).paths[:MOST_CHANNELS]) or ["/"]
