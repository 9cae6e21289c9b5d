"""The same load on several servers in turn."""

from __future__ import annotations

from wsproof.errors import TargetError
from wsproof.report.formats.bench_table import Bench
from wsproof.session.bench import bench_target
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.options import BenchOptions
from wsproof.session.servers import ServerRun, required_app, server_runs


def bench_servers(options: BenchOptions, *, console: Console = SILENT, began: float | None = None) -> tuple[Bench, ...]:
    """Measure an app on each server that `options.server` names ("all", or "uvicorn,granian"), and keep each run.

    Raises:
        UsageError: the options are wrong, or the target is no app.
        TargetError: no server could be measured, or one that was named is not installed.
    """
    context = CommandContext(options, console, began)
    benches = tuple(measure(run) for run in server_runs(context, required_app(context)))
    if not any(bench.record for bench in benches):
        raise TargetError(
            "no server could be measured: " + "; ".join(f"{bench.name}: {bench.reason}" for bench in benches)
        )
    return benches


def measure(run: ServerRun[BenchOptions]) -> Bench:
    """Measure one server and return its row. If the server cannot start, the row gives the reason."""
    if run.missing:
        return Bench(run.server.name, reason=run.missing)
    try:
        result = bench_target(run.begin())
    except TargetError as error:
        return Bench(run.server.name, reason=str(error), failed=True)
    return Bench(run.server.name, result.record)
