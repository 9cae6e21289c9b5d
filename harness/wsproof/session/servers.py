"""What `--server all` (or `a,b,c`) means for every verb: one app, on one server after the other."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from wsproof.errors import ExitCode, UsageError
from wsproof.model.server_table import ServerTableRow
from wsproof.session.context import CommandContext
from wsproof.target.introspect import interpreter, resolve_path
from wsproof.target.servers import ALL, AsgiServer, choose_server, choose_servers, missing_packages
from wsproof.target.target import Target

OUTRANKS = (ExitCode.FAILED, ExitCode.USAGE, ExitCode.CANNOT_TELL, ExitCode.OK)


@dataclass(frozen=True)
class ServerRun:
    """One server's turn; `number` says which of how many."""

    stage: CommandContext
    target: Target
    server: AsgiServer
    number: str
    known: list[ServerTableRow] = field(default_factory=list, compare=False)
    """Its row, as soon as there is one: also where the run ends in the middle of it."""

    @property
    def missing(self) -> str:
        """Why it has none: what is not installed; empty when all is there."""
        packages = missing_packages(self.server, interpreter(self.target.python))
        return f"not installed: pip install {' '.join(packages)}" if packages else ""

    def begin(self) -> CommandContext:
        """Say whose turn it is, and give it a run of its own: the copies that were asked for are of the whole table."""
        self.stage.headline(f"{self.number}: {self.server.name}")
        path = None if self.target.path_from_channels else self.target.path
        copies = dict.fromkeys(("junit", "markdown", "write_accepted"))
        own = {"server": self.server.name, "path": path, "began": time.monotonic(), **copies}
        return CommandContext(argparse.Namespace(**vars(self.stage.arguments) | own))


def required_app(stage: CommandContext) -> Target:
    """The target, with its WebSocket path: it is looked up once for all servers.

    Raises:
        UsageError: it is no app that a server could run, or its path is not known.
        TargetError: the app cannot be imported.
    """
    target = stage.target
    if target.app is None:
        raise UsageError(
            "--server all, or several names, runs an app on each server, and this target is no app. "
            "Name an app (pkg.module:app), or leave --server out"
        )
    return resolve_path(target.at_wire_path(stage.workloads))


def turns(stage: CommandContext, target: Target) -> list[ServerRun]:
    """A turn for each server that `--server` means. One that was named is wanted: its absence is said before any work.

    Raises:
        UsageError: there is no such server, or it is not for this app.
        TargetError: one that was named is not installed.
    """
    assert target.app is not None
    named = stage.arguments.server
    servers = choose_servers(named, target.app)
    if named != ALL:
        for server in servers:
            choose_server(server.name, interpreter(target.python), target.app)
    return [ServerRun(stage, target, server, f"{number} of {len(servers)}") for number, server in enumerate(servers, 1)]


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """A violation outranks the rest; a server that did not start outranks what cannot be told."""
    return min(codes, key=OUTRANKS.index)
