"""The cells of a comparison, from its options: `--workload chat,echo` and `--server uvicorn,granian`."""

from __future__ import annotations

from dataclasses import replace

from wsproof.comparison.cells import Cell
from wsproof.session.context import CommandContext
from wsproof.session.options import CompareOptions
from wsproof.session.plan import plan_of
from wsproof.session.servers import require_app_of
from wsproof.target.servers import choose_servers, names_several


def cell_contexts(context: CommandContext[CompareOptions]) -> list[CommandContext[CompareOptions]]:
    """One context per workload and server, in this order. Only the context itself, if it names one of each.

    Raises:
        UsageError: a server is not known, or the target is no app.
    """
    options = context.options
    workloads = _several(options.workload)
    servers = _servers(context)
    if len(workloads) == len(servers) == 1:
        return [context]
    return [
        CommandContext(replace(options, workload=workload, server=server), context.console)
        for server in servers
        for workload in workloads
    ]


def cells_of(contexts: list[CommandContext[CompareOptions]]) -> list[Cell]:
    """The cells of these contexts, named by what differs between them. None if there is only one context."""
    if len(contexts) == 1:
        return []
    names = [(each.options.server, each.workload_name) for each in contexts]
    servers, workloads = ({name[at] for name in names} for at in (0, 1))
    return [
        Cell(
            ", ".join(([server] if len(servers) > 1 else []) + ([workload] if len(workloads) > 1 else [])),
            plan_of(each),
            server,
        )
        for each, (server, workload) in zip(contexts, names, strict=True)
    ]


def joined_settings(contexts: list[CommandContext[CompareOptions]]) -> dict[str, str]:
    """The settings of all workloads: `--rooms` and `--format` apply to each of them."""
    return {name: value for each in contexts for name, value in each.settings.items()}


def _several(names: str | None) -> list[str | None]:
    listed = [word.strip() for word in (names or "").split(",") if word.strip()]
    return list(dict.fromkeys(listed)) or [None]


def _servers(context: CommandContext[CompareOptions]) -> list[str]:
    named = context.options.server
    if not names_several(named):
        return [named]
    return [server.name for server in choose_servers(named, require_app_of(context.target))]
