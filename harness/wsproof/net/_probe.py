"""Runs in the target's own interpreter, as `python -c`, where wsproof may not be installed: standard library only.

`facts PACKAGE...` prints the interpreter's version, the packages' versions, and what uvicorn's `--ws auto` means there;
`routes pkg.module:app` imports the app and prints its WebSocket paths. One line of JSON on what was standard output;
whatever the app prints goes to standard error.
"""

import importlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from typing import Any


def facts(packages: list[str]) -> dict[str, Any]:
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "versions": versions, "uvicorn_auto": uvicorn_auto(versions)}


def uvicorn_auto(versions: dict[str, str]) -> str | None:
    if "uvicorn" not in versions:
        return None
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    found: Any = AutoWebSocketsProtocol
    return None if found is None else str(found.__module__).rpartition(".")[2]


def routes(spec: str) -> list[str]:
    module, _, attribute = spec.partition(":")
    app: Any = importlib.import_module(module)
    for name in attribute.split("."):
        app = getattr(app, name)
    return list(websocket_paths(app, "", set()))


def websocket_paths(app: Any, prefix: str, seen: set[int]) -> Iterator[str]:
    """Every WebSocket path below `app`; nothing for an app whose routes cannot be seen."""
    app = unwrapped(app)
    if app is None or id(app) in seen:
        return
    for route in contexts(app.routes):
        original = getattr(route, "original_route", route)
        path = prefix + (getattr(route, "path", None) or "")
        if hasattr(original, "routes"):  # a Mount or a Host
            inside = getattr(original, "app", original)
            yield from websocket_paths(inside, path, seen | {id(app)})
        elif "WebSocket" in type(original).__name__:
            yield path or "/"


def unwrapped(app: Any) -> Any:
    """The first object with routes: middleware keeps what it wraps in `app`."""
    for _ in range(50):
        if app is None or isinstance(getattr(app, "routes", None), (list, tuple)):
            return app
        app = getattr(app, "app", None)
    return None


def contexts(routes: list[Any]) -> Iterable[Any]:
    if "fastapi" not in sys.modules:
        return routes
    try:
        from fastapi.routing import iter_route_contexts
    except ImportError:  # before 0.163 included routers were copied into the app's own list
        return routes
    found: Iterable[Any] = iter_route_contexts(routes)
    return found


def main(arguments: list[str]) -> None:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    result: Any = facts(arguments[1:]) if arguments[0] == "facts" else routes(arguments[1])
    answer.write(json.dumps(result) + "\n")
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
