"""`wsproof list`: print targets, servers, workloads, checks, metrics and runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from wsproof.cli.console import rich_console
from wsproof.cli.options import WHAT_TO_LIST, ListOptions
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.report.store.run_summary import RunSummary
from wsproof.report.store.runs import RunStore
from wsproof.report.store.summaries import read_summaries

TARGETS = (
    ("(nothing)", "the target in [tool.wsproof] of pyproject.toml; without one, the reference server"),
    ("ws://host:port/path", "a running server (wss:// with --ca FILE or --insecure)"),
    ("pkg.module:app", "an ASGI app, which wsproof starts (--server NAME, --env K=V, --path /ws)"),
    ("cmd:COMMAND", "any command that starts a server ({port} is filled in), with --ready URL"),
)


def run_command(command: ParsedCommand[ListOptions]) -> ExitCode:
    """Print the list that was named, or all lists."""
    out = rich_console()
    options = command.options
    for topic in [options.what] if options.what else WHAT_TO_LIST:
        rows = LISTS[topic](options)
        out.print(f"\n{topic}" if rows else f"\n{topic}: none yet", style="bold", markup=False)
        show(out, rows)
    return ExitCode.OK


def show(out: Console, rows: list[tuple[str, ...]]) -> None:
    """Print each name with its description: beside the name if all rows fit the width, else indented below."""
    described = [(name, "  ".join(text for text in rest if text)) for name, *rest in rows]
    width = max((len(name) for name, _ in described), default=0)
    beside = all(width + len(text) + 4 <= out.width for _, text in described)
    for name, text in described:
        out.print(Text(f"  {name:<{width}}  {text}" if beside else f"  {name}"), soft_wrap=True)
        if not beside and text:
            out.print(Padding(Text(text), (0, 0, 0, 6)))


def targets(_: ListOptions) -> list[tuple[str, ...]]:
    """The forms of TARGET."""
    return list(TARGETS)


def servers(_: ListOptions) -> list[tuple[str, ...]]:
    """The servers that can run an ASGI app."""
    from wsproof.target.servers import SERVERS

    return [(name, server.title) for name, server in SERVERS.items()]


def workloads(options: ListOptions) -> list[tuple[str, ...]]:
    """The workloads of the channels, with what each promises, and their settings."""
    from wsproof.report.text.contract import promises
    from wsproof.workloads import load_channels

    channels = load_channels(options.channels or "reference")
    return [
        (name, f"{workload.title}.", " ".join(promises(workload.contract)), _settings(name, workload.parameters))
        for name, workload in channels.items()
    ]


def _settings(name: str, parameters: Mapping[str, str]) -> str:
    return "; ".join(f"--set {name}.{key}: {meaning}" for key, meaning in parameters.items())


def checks(_: ListOptions) -> list[tuple[str, ...]]:
    """Every protocol rule, channel property and history check."""
    from wsproof.checks import CHECKS
    from wsproof.conformance import RULES
    from wsproof.delivery import CHANNEL_CHECKS

    rows: list[tuple[str, ...]] = [(rule.id, rule.where, rule.level.value, rule.sentence) for rule in RULES]
    rows += [(check.name, "channels", "promise", check.promise) for check in CHANNEL_CHECKS]
    return rows + [(check.name, "histories", "check", check.promise) for check in CHECKS]


def metrics(_: ListOptions) -> list[tuple[str, ...]]:
    """The metrics, with unit, direction and definition."""
    from wsproof.stats.metrics import METRICS

    return [(metric.name, metric.unit, f"{metric.better} is better", metric.definition) for metric in METRICS]


def runs(options: ListOptions) -> list[tuple[str, ...]]:
    """The stored runs with their command and verdict, newest last."""
    return [(run.folder.id, *_state_of(run.summary)) for run in read_summaries(RunStore.open(options.out, Path.cwd()))]


def _state_of(run: RunSummary | None) -> tuple[str, ...]:
    if run is None:
        return ("unreadable, or without a record yet",)
    void = "some figures void" if any(one.is_void for one in run.figures.values()) else "not trusted"
    trust = "" if run.trusted or run.command == "check" else f", {void}"
    state = f"{run.verdict.value}{trust}" if run.complete else "not complete (running, or interrupted)"
    return run.command, state


LISTS: dict[str, Callable[[ListOptions], list[tuple[str, ...]]]] = {
    "targets": targets,
    "servers": servers,
    "workloads": workloads,
    "checks": checks,
    "metrics": metrics,
    "runs": runs,
}
