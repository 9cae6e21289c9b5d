"""`--server all` (or `a,b,c`): the same app on several servers in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from wsproof.errors import UsageError
from wsproof.model.server_table import ServerTableRow
from wsproof.session.context import CommandContext
from wsproof.session.options import TargetOptions
from wsproof.target.introspect import interpreter, resolve_path
from wsproof.target.servers import ALL, AsgiServer, choose_server, choose_servers, missing_packages
from wsproof.target.target import Target

OptionsT = TypeVar("OptionsT", bound=TargetOptions)


@dataclass(frozen=True)
class ServerRun(Generic[OptionsT]):
    """The run on one of several servers. `number` is its position, such as `2 of 5`."""

    context: CommandContext[OptionsT]
    target: Target
    server: AsgiServer
    number: str
    known: list[ServerTableRow] = field(default_factory=list, compare=False)
    """The server's result as its only row; empty until it is known. It is set even if the run ends early."""

    @property
    def missing(self) -> str:
        """The reason why the server cannot run: packages that are not installed. Empty if all are installed."""
        packages = missing_packages(self.server, interpreter(self.target.python))
        return f"not installed: pip install {' '.join(packages)}" if packages else ""

    def begin(self) -> CommandContext[OptionsT]:
        """Print the server's heading, and return the command context for this server alone."""
        self.context.console.headline(f"{self.number}: {self.server.name}")
        path = None if self.target.path_from_channels else self.target.path
        own = replace(self.context.options, server=self.server.name, path=path)
        return CommandContext(own, self.context.console)


def require_app_of(target: Target) -> str:
    """The name of the target's app, for a `--server` that names several servers.

    Raises:
        UsageError: the target is not an app that a server could run.
    """
    if target.app is None:
        raise UsageError(
            "--server all, or several names, runs an app on each server, but this target is not an app. "
            "Name an app (pkg.module:app), or leave --server out"
        )
    return target.app


def required_app(context: CommandContext[TargetOptions]) -> Target:
    """The target with its WebSocket path, which is looked up once for all servers.

    Raises:
        UsageError: the target is not an app that a server could run, or its path is unknown.
        TargetError: the app cannot be imported.
    """
    require_app_of(context.target)
    return resolve_path(context.target.at_wire_path(context.workloads))


def server_runs(context: CommandContext[OptionsT], target: Target) -> list[ServerRun[OptionsT]]:
    """The runs of all servers that `--server` names, in order.

    A server that is named must be installed. With `all`, servers that are not installed are reported in their rows.

    Raises:
        UsageError: there is no such server, or it cannot run this app.
        TargetError: a server that was named is not installed.
    """
    assert target.app is not None
    named = context.options.server
    servers = choose_servers(named, target.app)
    if named != ALL:
        for server in servers:
            choose_server(server.name, interpreter(target.python), target.app)
    return [
        ServerRun(context, target, server, f"{number} of {len(servers)}") for number, server in enumerate(servers, 1)
    ]
