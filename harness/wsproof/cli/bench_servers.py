"""`wsproof bench --server all` (or `a,b,c`): the same load on several servers in turn, and one table."""

from __future__ import annotations

from wsproof.cli.command import Command
from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of_run, worst
from wsproof.errors import ExitCode, UsageError
from wsproof.report.formats.bench_table import Bench, benches_document, benches_markdown, show_benches
from wsproof.session.bench_servers import bench_servers
from wsproof.session.options import BenchOptions


def run_command(command: Command[BenchOptions]) -> ExitCode:
    """Measure each server, print the table, and write the requested copies."""
    options, outputs = command.options, command.outputs
    if outputs.hdr is not None:
        raise UsageError("--hdr writes one file: give it with one --server.")
    console = TerminalConsole(outputs)
    benches = bench_servers(options, console=console, began=command.began)
    console.headline("all of them")
    show_benches(console.rich, benches)
    outputs.write_accepted(finding for bench in benches if bench.record for finding in bench.record.findings)
    outputs.write_json(benches_document(benches))
    outputs.write_markdown(lambda: benches_markdown(benches))
    return worst(exit_code_of_bench(bench, strict_trust=options.strict_trust) for bench in benches)


def exit_code_of_bench(bench: Bench, *, strict_trust: bool) -> ExitCode:
    """The exit code for one server. A server that is not installed counts as OK."""
    if bench.record is not None:
        return exit_code_of_run(bench.record, strict_trust=strict_trust)
    return ExitCode.USAGE if bench.failed else ExitCode.OK
