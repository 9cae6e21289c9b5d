"""Loads workloads by the values of `--channels` and `--set`."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from wsproof.errors import UsageError, WorkloadError
from wsproof.workloads.action_cable import ActionCable
from wsproof.workloads.alerts import Alerts
from wsproof.workloads.base import Workload
from wsproof.workloads.centrifugo import Centrifugo
from wsproof.workloads.chat import Chat
from wsproof.workloads.dashboard import Dashboard
from wsproof.workloads.drawing import Drawing
from wsproof.workloads.echo import Echo, JsonEcho
from wsproof.workloads.game import Game
from wsproof.workloads.graphql_ws import GraphQlWs
from wsproof.workloads.guarded import guarded, require_whole
from wsproof.workloads.json_rpc import JsonRpc
from wsproof.workloads.mqtt import Mqtt
from wsproof.workloads.phoenix import Phoenix
from wsproof.workloads.rooms import Rooms
from wsproof.workloads.signalr import SignalR
from wsproof.workloads.socketio import SocketIo
from wsproof.workloads.source_location import shown_file
from wsproof.workloads.stomp import Stomp

WORKLOADS: tuple[type[Workload], ...] = (Echo, Chat, Dashboard, JsonEcho, Rooms, Alerts, Drawing, Game)
"""All workloads that ship with wsproof."""

CHANNELS: dict[str, tuple[type[Workload], ...]] = {
    "tutorial": (Echo, Chat, Dashboard),
    "reference": WORKLOADS,
    "socketio": (SocketIo,),
    "graphql-ws": (GraphQlWs,),
    "mqtt": (Mqtt,),
    "phoenix": (Phoenix,),
    "actioncable": (ActionCable,),
    "signalr": (SignalR,),
    "stomp": (Stomp,),
    "jsonrpc": (JsonRpc,),
    "centrifugo": (Centrifugo,),
}
"""Named sets of workloads, as `--channels` takes them."""


def load_channels(name: str, settings: Mapping[str, str] | None = None, *, base: int = 1) -> dict[str, Workload]:
    """Load a set of workloads, by their names, with their settings (`{"dashboard.period": "0.1"}`).

    `name` is a key of CHANNELS, or a module with a list called WORKLOADS.

    Raises:
        UsageError: there is no such set or module, or no workload of it accepts a setting.
        WorkloadError: the module cannot be imported, or a workload in it is incomplete.
    """
    classes = tuple(map(_with_secrets, CHANNELS[name])) if name in CHANNELS else tuple(map(guarded, _from_module(name)))
    _refuse_unknown(settings or {}, classes)
    return {kind.name: _made(kind, settings or {}, base) for kind in classes}


def made(kind: type[Workload], settings: Mapping[str, str] | None = None, *, base: int = 1) -> Workload:
    """Make a workload of a user's class, with its settings (`{"lobby.rooms": "2"}`).

    Raises:
        WorkloadError: the class is incomplete.
        UsageError: the class does not accept a setting.
    """
    if kind not in WORKLOADS:
        require_whole(kind)
        kind = guarded(kind)
    _refuse_unknown(settings or {}, (kind,))
    return _made(kind, settings or {}, base)


def _with_secrets(kind: type[Workload]) -> type[Workload]:
    """Return a workload of ours, guarded if it declares secrets. Without a guard, its methods cost no more time."""
    return kind if kind.secrets is Workload.secrets else guarded(kind)


def _made(kind: type[Workload], settings: Mapping[str, str], base: int) -> Workload:
    name = f"{kind.name}."
    own = {key.removeprefix(name): value for key, value in settings.items() if key.startswith(name)}
    return kind(own, base=base)


def _from_module(name: str) -> tuple[type[Workload], ...]:
    """The workload classes of a user's module. Raises WorkloadError if its WORKLOADS is unusable."""
    module = _import(name)
    listed = getattr(module, "WORKLOADS", None)
    if not isinstance(listed, list | tuple) or not listed:
        raise WorkloadError(
            f"{_shown_file(module)}: the module {name} has no list WORKLOADS of subclasses of Workload"
            f"{'' if listed is None else f', but {listed!r}'}. Add one: WORKLOADS = [MyChannel]."
        )
    for kind in listed:
        if not (isinstance(kind, type) and issubclass(kind, Workload)):
            raise WorkloadError(
                f"{_shown_file(module)}: expected WORKLOADS to hold subclasses of Workload, and it "
                f"holds {kind!r}. Write the classes themselves: WORKLOADS = [MyChannel]."
            )
        require_whole(kind)
    if len({kind.name for kind in listed}) < len(listed):
        names = ", ".join(kind.name for kind in listed)
        raise WorkloadError(f"{_shown_file(module)}: two workloads have the same name ({names}): give each its own.")
    return tuple(listed)


def _import(name: str) -> ModuleType:
    """Import a user's module, also from the current directory."""
    folder = os.getcwd()
    added = folder not in sys.path
    if added:
        # The user's module is in the current directory, where a console script does not look.
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as absent:
        if not f"{name}.".startswith(f"{absent.name}."):
            place = _place_of_import(absent) or name
            raise WorkloadError(
                f"{place}: the module {name} cannot be imported: it needs {absent.name}, which is not installed. "
                "Install it in the environment of wsproof, or fix the import."
            ) from absent
        raise UsageError(
            f"There are no channels called {name!r}{_meant(name)}: use {' or '.join(CHANNELS)}, or a module that can "
            "be imported from here and has a list WORKLOADS."
        ) from absent
    except SyntaxError as fault:
        raise WorkloadError(f"{_place_of_syntax(fault)}: {fault.msg}. Fix it, or name another module.") from fault
    except Exception as fault:
        place = _place_of_import(fault) or name
        error = f"{type(fault).__name__}: {fault}"
        raise WorkloadError(f"{place}: the module {name} raises when it is imported: {error}") from fault
    finally:
        if added:
            sys.path.remove(folder)


def _meant(name: str) -> str:
    """A suggestion for a misspelt name."""
    modules = [path.stem for path in Path.cwd().glob("*.py")]
    near = get_close_matches(name.removesuffix(".py"), [*CHANNELS, *modules], n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _shown_file(module: ModuleType) -> str:
    return shown_file(module.__file__) if module.__file__ else module.__name__


def _place_of_syntax(fault: SyntaxError) -> str:
    return f"{shown_file(fault.filename or 'unknown file')}:{fault.lineno or 0}"


def _place_of_import(fault: Exception) -> str | None:
    """The innermost line of the traceback that is neither in Python, in wsproof nor in an installed package."""
    frames = traceback.extract_tb(fault.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve().is_relative_to(Path.cwd().resolve())]
    own = [frame for frame in own if "site-packages" not in frame.filename and frame.filename != __file__]
    return f"{shown_file(own[-1].filename)}:{own[-1].lineno}" if own else None


def _refuse_unknown(settings: Mapping[str, str], classes: Iterable[type[Workload]]) -> None:
    """Raise UsageError for a setting that no workload accepts."""
    parameters = {
        f"{kind.name}.{parameter}": meaning for kind in classes for parameter, meaning in kind.parameters.items()
    }
    for key in settings:
        if key not in parameters:
            choices = "; ".join(f"{name}: {meaning}" for name, meaning in sorted(parameters.items())) or "none"
            near = get_close_matches(key, parameters, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"No channel takes the setting {key!r}.{meant} Settings: {choices}.")
