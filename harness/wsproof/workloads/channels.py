"""From the words of the command line (`--channels`, `--set`) to workloads."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType

from wsproof.errors import UsageError
from wsproof.workloads.base import Workload
from wsproof.workloads.chat import Chat
from wsproof.workloads.dashboard import Dashboard
from wsproof.workloads.echo import Echo
from wsproof.workloads.json_echo import JsonEcho
from wsproof.workloads.rooms import Rooms

WORKLOADS: tuple[type[Workload], ...] = (Echo, Chat, Dashboard, JsonEcho, Rooms)
"""Every workload that comes with wsproof."""

CHANNELS: dict[str, tuple[type[Workload], ...]] = {
    "tutorial": (Echo, Chat, Dashboard),
    "reference": WORKLOADS,
}
"""What lives where, by the names that `--channels` takes."""


def load_channels(name: str, settings: Mapping[str, str] | None = None, *, base: int = 1) -> dict[str, Workload]:
    """The workloads of a set of channels by their names, with their settings (`{"dashboard.period": "0.1"}`).

    `name` is a key of CHANNELS or a module that holds a list called WORKLOADS.

    Raises:
        UsageError: there is no such set or module, or a setting that none of its workloads takes.
    """
    classes = CHANNELS[name] if name in CHANNELS else _from_module(name)
    _refuse_unknown(settings or {}, classes)
    return {
        kind.name: kind(
            {
                key.partition(".")[2]: value
                for key, value in (settings or {}).items()
                if key.startswith(f"{kind.name}.")
            },
            base=base,
        )
        for kind in classes
    }


def _from_module(name: str) -> tuple[type[Workload], ...]:
    module = _import(name)
    listed = getattr(module, "WORKLOADS", None)
    if not isinstance(listed, list | tuple) or not listed:
        raise UsageError(
            f"The module {name} has no list WORKLOADS of wsproof.workloads.base.Workload classes: add one."
        )
    for kind in listed:
        if not (isinstance(kind, type) and issubclass(kind, Workload)):
            raise UsageError(f"WORKLOADS in {name} must hold subclasses of Workload, and holds {kind!r}.")
    if len({kind.name for kind in listed}) < len(listed):
        raise UsageError(f"Two workloads in {name} have the same name: give each its own.")
    return tuple(listed)


def _import(name: str) -> ModuleType:
    here = os.getcwd()
    added = here not in sys.path
    if added:
        # A console script does not look into the current directory, and that is where the user's module is.
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as absent:
        if not f"{name}.".startswith(f"{absent.name}."):
            raise UsageError(
                f"The module {name} cannot be imported: it needs {absent.name}, which is not installed."
            ) from absent
        raise UsageError(
            f"There are no channels called {name!r}: use {' or '.join(CHANNELS)}, or a module that can be imported "
            "from here and has a list WORKLOADS."
        ) from absent
    except Exception as fault:
        raise UsageError(f"The module {name} raises when it is imported: {type(fault).__name__}: {fault}") from fault
    finally:
        if added:
            sys.path.remove(here)


def _refuse_unknown(settings: Mapping[str, str], classes: Iterable[type[Workload]]) -> None:
    known = {f"{kind.name}.{parameter}": meaning for kind in classes for parameter, meaning in kind.parameters.items()}
    for key in settings:
        if key not in known:
            choices = "; ".join(f"{name}: {meaning}" for name, meaning in sorted(known.items())) or "none"
            raise UsageError(f"No channel takes the setting {key!r}. Those that exist: {choices}.")
