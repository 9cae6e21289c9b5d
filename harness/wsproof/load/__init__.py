"""The load engine: carries out a plan against a server and returns a measurement.

Each name is imported when it is used. A worker process imports this package as well, and needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsproof.load.files.history import load_history, save_history
    from wsproof.load.progress import Progress, Watcher
    from wsproof.load.rounds import broadcast_rounds
    from wsproof.load.setup import PartialRun
    from wsproof.load.single import run_plan

__all__ = ["PartialRun", "Progress", "Watcher", "broadcast_rounds", "load_history", "run_plan", "save_history"]

_MODULE_OF = {
    "PartialRun": "setup",
    "Progress": "progress",
    "Watcher": "progress",
    "broadcast_rounds": "rounds",
    "load_history": "files.history",
    "run_plan": "single",
    "save_history": "files.history",
}
"""The module that defines each name."""


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
