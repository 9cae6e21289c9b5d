"""Probe that runs in the target's own interpreter, as `python -c`.

It uses the standard library only, because wsproof may not be installed there. `facts PACKAGE...` prints the
interpreter's version, the packages' versions, and what uvicorn's `--ws auto` picks there. `routes pkg.module:app`
imports the app and prints what it is and its paths. The result is one line of JSON on the original standard output.
Everything that the app prints goes to standard error.
"""

import importlib
import importlib.metadata
import inspect
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

    protocol: Any = AutoWebSocketsProtocol
    return None if protocol is None else str(protocol.__module__).rpartition(".")[2]


def routes(spec: str) -> dict[str, Any]:
    module, _, attribute = spec.partition(":")
    app: Any = importlib.import_module(module)
    found: dict[str, Any] = {
        "absent": None,
        "candidates": [],
        "problem": "",
        "paths": [],
        "http": [],
        "is_complete": False,
    }
    for name in attribute.split("."):
        if not hasattr(app, name):
            return {**found, "absent": name, "candidates": [n for n, v in vars(app).items() if looks_like_an_app(v)]}
        app = getattr(app, name)
    if problem := problem_of(app):
        return {**found, "problem": problem}
    http = [path for route in getattr(app, "routes", ()) if (path := getattr(route, "path", None))]
    return {
        **found,
        "paths": list(websocket_paths(app, "", set())),
        "http": http,
        "is_complete": has_all_routes(app, set()),
    }


def problem_of(app: Any) -> str:
    """Return why this object cannot be an ASGI app; empty if it can.

    An ASGI app takes (scope, receive, send), or (scope) alone.
    """
    kind = type(app).__name__
    if not callable(app):
        return f"is {app!r:.60}, of type {kind}"
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return ""
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return ""
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = [each.name for each in positional if each.default is each.empty]
    if len(needed) <= 3 <= len(positional) or len(needed) == 1:
        return ""
    if inspect.isclass(app):
        return "is a class, not an app made by it"
    if inspect.isfunction(app) and not needed:
        return "is a function without arguments, which may make the app"
    takes = f"that takes ({', '.join(needed)})" + (", as WSGI apps do" if len(needed) == 2 else "")
    return f"is a {kind} {takes}"


def looks_like_an_app(value: Any) -> bool:
    """Whether a value in a module looks like an app: it has routes, or takes (scope, receive, send)."""
    if inspect.isclass(value) or not callable(value):
        return False
    try:
        takes = list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        takes = []
    return isinstance(getattr(value, "routes", None), (list, tuple)) or takes == ["scope", "receive", "send"]


def has_all_routes(app: Any, seen: set[int]) -> bool:
    """Whether all routes of an app can be seen: only Starlette or FastAPI code decides what a request reaches."""
    if id(app) in seen or not isinstance(getattr(app, "routes", None), (list, tuple)) or not from_starlette(type(app)):
        return False
    if not all(from_starlette(each.cls) for each in getattr(app, "user_middleware", ())):
        return False
    originals = [getattr(route, "original_route", route) for route in contexts(app.routes)]
    return all(
        has_all_routes(getattr(each, "app", each), seen | {id(app)})
        if hasattr(each, "routes")
        else from_starlette(type(each))
        for each in originals
    )


def from_starlette(kind: type) -> bool:
    """Whether Starlette's or FastAPI's own code handles calls of this class's instances."""
    module = str(getattr(getattr(kind, "__call__", kind), "__module__", ""))  # noqa: B004
    return module.partition(".")[0] in ("starlette", "fastapi")


def websocket_paths(app: Any, prefix: str, seen: set[int]) -> Iterator[str]:
    """Yield every WebSocket path below `app`; nothing for an app whose routes cannot be seen."""
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
    """Return the first object with routes. Middleware keeps the wrapped app in `app`."""
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
    except ImportError:  # before FastAPI 0.163, included routers were copied into the app's own list
        return routes
    route_contexts: Iterable[Any] = iter_route_contexts(routes)
    return route_contexts


def main(arguments: list[str]) -> None:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    result: Any = facts(arguments[1:]) if arguments[0] == "facts" else routes(arguments[1])
    answer.write(json.dumps(result) + "\n")
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
