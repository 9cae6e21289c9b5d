"""One entry of the corpus: a released server, its command and its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RealServer:
    """A released server of somebody else, with a small program from its documentation.

    `command`, `config`, `env` and `options` may name `{port}`, `{backend}` (the port of the server behind a proxy),
    `{folder}` (an empty folder of this run), `{bin}` (programs of its environment), `{programs}` and `{config}`.
    """

    name: str
    environment: str
    """The virtual environment by the name of its requirements file; or `npm`, or `debian`."""
    packages: tuple[str, ...]
    """The packages whose versions the table shows. The first one is the server itself."""
    command: tuple[str, ...]
    path: str = "/"
    options: tuple[str, ...] = ()
    """Further options of `wsproof check`."""
    channels: str | None = None
    """The module for `--channels` that describes its messages. None: only the protocol is checked."""
    config: str | None = None
    """The template of its configuration file, in `programs/conf`."""
    env: Mapping[str, str] = field(default_factory=dict)
    behind: str | None = None
    """For a proxy, the name of the entry behind it."""


def python(
    name: str,
    environment: str,
    program: str,
    *packages: str,
    arguments: tuple[str, ...] = (),
    path: str = "/",
    options: tuple[str, ...] = (),
    channels: str | None = None,
) -> RealServer:
    """A program of `programs/python` that takes its port as the first argument."""
    command = ("{bin}/python", f"{{programs}}/python/{program}.py", "{port}", *arguments)
    return RealServer(name, environment, packages, command, path, options, channels)


def asgi(
    name: str,
    program: str,
    runner: tuple[str, ...],
    *packages: str,
    path: str = "/",
    options: tuple[str, ...] = (),
    channels: str | None = None,
) -> RealServer:
    """An app of `programs/python` under an ASGI server; `runner` may name `{app}`."""
    command = tuple(word.replace("{app}", f"{program}:app") for word in runner)
    return RealServer(name, "asgi", packages, command, path, options, channels, env={"PYTHONPATH": "{programs}/python"})


def node(
    name: str, program: str, *packages: str, path: str = "/", options: tuple[str, ...] = (), channels: str | None = None
) -> RealServer:
    """A program of `programs/node` that takes its port as the first argument."""
    return RealServer(name, "npm", packages, ("node", f"{{bin}}/{program}.mjs", "{port}"), path, options, channels)


def debian(
    name: str,
    package: str,
    command: tuple[str, ...],
    config: str,
    *,
    path: str = "/",
    options: tuple[str, ...] = (),
    channels: str | None = None,
    behind: str | None = None,
    also: tuple[str, ...] = (),
) -> RealServer:
    """A program of Debian's with a file of `programs/conf`."""
    return RealServer(name, "debian", (package, *also), command, path, options, channels, config, behind=behind)
