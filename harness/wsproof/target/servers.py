"""ASGI servers that can run an app. One entry per server, or per WebSocket implementation of a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsproof.errors import TargetError, UsageError
from wsproof.model import reference_server
from wsproof.target.introspect import Interpreter

Arguments = Callable[[str, str, int], list[str]]


@dataclass(frozen=True, slots=True)
class AsgiServer:
    """The command that starts one server: `python -m MODULE ARGUMENTS(app, host, port)`, by the target's interpreter.

    Servers keep their default settings (compression, event loop, limits), because people run them with these. Only
    their logging is reduced. `needs` are the required packages. `only_for` is the package of the only app that the
    entry can run.
    """

    name: str
    module: str
    arguments: Arguments
    needs: tuple[str, ...]
    title: str
    only_for: str | None = None


def _uvicorn(ws: str) -> Arguments:
    def arguments(app: str, host: str, port: int) -> list[str]:
        quiet = ["--log-level", "warning", "--no-access-log"]
        limits = reference_server.UVICORN_LIMITS if app == reference_server.APP else ()
        return [app, "--host", host, "--port", str(port), "--ws", ws, *quiet, *limits]

    return arguments


def _hypercorn(app: str, host: str, port: int) -> list[str]:
    return [app, "--bind", f"{host}:{port}", "--log-level", "warning"]


def _granian(app: str, host: str, port: int) -> list[str]:
    return ["--interface", "asgi", "--host", host, "--port", str(port), "--log-level", "warning", app]


def _daphne(app: str, host: str, port: int) -> list[str]:
    return ["-b", host, "-p", str(port), "-v", "0", app]


_ENTRIES = (
    AsgiServer(
        "uvicorn", "uvicorn", _uvicorn("auto"), ("uvicorn",), "uvicorn with the WebSocket library that it picks"
    ),
    AsgiServer(
        "uvicorn-websockets",
        "uvicorn",
        _uvicorn("websockets"),
        ("uvicorn", "websockets"),
        "uvicorn on the legacy asyncio API of websockets",
    ),
    AsgiServer(
        "uvicorn-websockets-sansio",
        "uvicorn",
        _uvicorn("websockets-sansio"),
        ("uvicorn", "websockets"),
        "uvicorn on the sans-I/O core of websockets",
    ),
    AsgiServer("uvicorn-wsproto", "uvicorn", _uvicorn("wsproto"), ("uvicorn", "wsproto"), "uvicorn on wsproto"),
    AsgiServer(
        "uvicorn-direct",
        "uvicorn",
        _uvicorn(reference_server.DIRECT_PROTOCOL),
        ("uvicorn", "websockets"),
        "uvicorn with the reference server's own protocol class, for that server only",
        only_for=reference_server.PACKAGE,
    ),
    AsgiServer("hypercorn", "hypercorn", _hypercorn, ("hypercorn",), "hypercorn (wsproto)"),
    AsgiServer("granian", "granian", _granian, ("granian",), "granian (Rust, tungstenite)"),
    AsgiServer("daphne", "daphne", _daphne, ("daphne",), "daphne (Twisted, autobahn)"),
)

SERVERS: dict[str, AsgiServer] = {server.name: server for server in _ENTRIES}

_AUTO = {
    "websockets_impl": "uvicorn-websockets",
    "websockets_sansio_impl": "uvicorn-websockets-sansio",
    "wsproto_impl": "uvicorn-wsproto",
}


def require_server_name(name: str) -> None:
    """Raises UsageError unless `name` is `auto` or in SERVERS."""
    if name != "auto" and name not in SERVERS:
        raise UsageError(f"there is no server {name!r}; --server takes one of: auto, {', '.join(SERVERS)}")


ALL = "all"


def names_several(name: str) -> bool:
    """Whether `--server NAME` selects several servers: `all`, or names separated by commas."""
    return name == ALL or "," in name


def choose_servers(name: str, app: str) -> tuple[AsgiServer, ...]:
    """Return the entries for `all`, or for a comma-separated list of names, without duplicates.

    `all` leaves out `uvicorn`, which equals one of the other entries, and servers that are for another app only.

    Raises:
        UsageError: a name is not a known server.
    """
    if name == ALL:
        return tuple(each for each in _ENTRIES if each.name != "uvicorn" and _is_for(each, app))
    names = list(dict.fromkeys(word.strip() for word in name.split(",") if word.strip()))
    for each in names:
        require_server_name(each)
    return tuple(SERVERS["uvicorn" if each == "auto" else each] for each in names)


def missing_packages(server: AsgiServer, installed: Interpreter) -> list[str]:
    """Return the required packages that the target's interpreter lacks."""
    return [package for package in server.needs if package not in installed.versions]


def _is_for(server: AsgiServer, app: str) -> bool:
    return server.only_for is None or app.startswith(f"{server.only_for}.")


def choose_server(name: str, installed: Interpreter, app: str | None = None) -> AsgiServer:
    """Return the entry to start.

    `auto` and `uvicorn` select the implementation that uvicorn's own `--ws auto` picks there.

    Raises:
        UsageError: the name is not a known server, or the server cannot run `app`.
        TargetError: the server is not installed for the target's interpreter.
    """
    require_server_name(name)
    if name in {"auto", "uvicorn"} and "uvicorn" in installed.versions:
        if installed.uvicorn_auto is None:
            raise TargetError(
                "uvicorn has no WebSocket library in the target's interpreter, so it would refuse every WebSocket. "
                "Try: pip install websockets"
            )
        name = _AUTO.get(installed.uvicorn_auto, "uvicorn")
    server = SERVERS["uvicorn" if name == "auto" else name]
    if app is not None and not _is_for(server, app):
        raise UsageError(
            f"--server {name} belongs to {server.only_for} and cannot run {app}. "
            f"Try: wsproof ... {reference_server.APP} --server {name}, or another --server for {app}"
        )
    missing = missing_packages(server, installed)
    if missing:
        raise TargetError(
            f"--server {server.name} needs {' and '.join(missing)}, which the target's interpreter lacks. "
            f"Try: pip install {' '.join(missing)} (or 'wsproof[servers]'), or another --server"
        )
    return server
