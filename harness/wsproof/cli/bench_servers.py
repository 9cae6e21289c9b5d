"""`wsproof bench --server all` (or `a,b,c`): the same load on several servers in turn, and one table."""

from __future__ import annotations

from wsproof.cli.bench import bench_target
from wsproof.cli.command import Command
from wsproof.errors import ExitCode, TargetError, UsageError
from wsproof.report.formats.bench_table import Bench, benches_document, benches_markdown, show_benches
from wsproof.report.store.atomic import write_text
from wsproof.session.context import CommandContext
from wsproof.session.options import BenchOptions
from wsproof.session.servers import ServerRun, required_app, turns, worst


def perform(command: Command[BenchOptions]) -> ExitCode:
    """Measure each server, print the table, and write the requested copies."""
    stage = CommandContext(command.options, command.outputs, command.began)
    if command.outputs.hdr is not None:
        raise UsageError("--hdr writes one file: give it with one --server.")
    measured = [measure(turn) for turn in turns(stage, required_app(stage))]
    benches = [bench for bench, _ in measured]
    if not any(bench.record for bench in benches):
        raise TargetError("no server could be measured: " + "; ".join(f"{one.name}: {one.reason}" for one in benches))
    stage.headline("all of them")
    show_benches(stage.console, benches)
    stage.write_accepted(finding for bench in benches if bench.record for finding in bench.record.findings)
    stage.write_json(benches_document(benches))
    if command.outputs.markdown is not None:
        write_text(command.outputs.markdown, benches_markdown(benches))
    return worst(code for _, code in measured)


def measure(turn: ServerRun[BenchOptions]) -> tuple[Bench, ExitCode]:
    """One server's row and exit code. If the server cannot start, the row gives the reason instead of raising."""
    if turn.missing:
        return Bench(turn.server.name, reason=turn.missing), ExitCode.OK
    try:
        record, code = bench_target(turn.begin())
    except TargetError as error:
        return Bench(turn.server.name, reason=str(error)), ExitCode.USAGE
    return Bench(turn.server.name, record), code
