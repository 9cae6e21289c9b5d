"""`wsproof bench`: measure the time until the last of N subscribers has a message, and check every delivery.

`--workload chat:8,echo:2` measures several workloads at once on one server, with a run for each. `--server all` (or
`a,b,c`) measures the same load on several servers in turn. Both print a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.text import Text

from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of_run, worst
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode, UsageError
from wsproof.report.formats.bench_table import Bench, benches_document, benches_markdown, show_benches
from wsproof.report.formats.github import Annotation, run_annotations
from wsproof.report.formats.markdown import run_markdown
from wsproof.session.bench import bench
from wsproof.session.bench_mix import bench_mix, is_mix
from wsproof.session.bench_servers import bench_servers
from wsproof.session.options import BenchOptions
from wsproof.target.servers import names_several

WHAT = "workload"
NOTE = "Measured at the same time on one server. Figures marked ? are void."


def run_command(command: ParsedCommand[BenchOptions]) -> ExitCode:
    """Measure the target, print the figures, and keep the run."""
    options, outputs = command.options, command.outputs
    if is_mix(options.workload):
        return _run_mix(command)
    if names_several(options.server):
        return _run_servers(command)
    result = bench(options, console=TerminalConsole(outputs), began=command.began)
    outputs.write_hdr(result.measurement)
    outputs.write_accepted(result.record.findings)
    outputs.write_json(result.record.to_json())
    outputs.write_markdown(lambda: run_markdown(result.record))
    outputs.write_annotations(lambda workspace: run_annotations(result.record, workspace))
    return exit_code_of_run(result.record, strict_trust=options.strict_trust)


def _run_mix(command: ParsedCommand[BenchOptions]) -> ExitCode:
    """Measure the workloads at the same time, print each run and the table, and write the requested copies."""
    options, outputs = command.options, command.outputs
    if outputs.hdr is not None:
        raise UsageError("several workloads at once cannot have --hdr: leave it out, or measure one workload.")
    console = TerminalConsole(outputs)
    mix = bench_mix(options, console=console, began=command.began)
    records = [result.record for result in mix.workloads]
    benches = [Bench(str(record.plan["workload"]), record) for record in records]
    console.headline("all workloads")
    show_benches(console.rich, benches, what=WHAT, note=NOTE)
    if mix.server_cpu_per_delivery_us is not None:
        cpu = f"{mix.server_cpu_per_delivery_us:.3g}"
        console.rich.print(Text(f"Server CPU per delivery, over all workloads: {cpu} µs."))
    outputs.write_accepted(finding for record in records for finding in record.findings)
    outputs.write_json(benches_document(benches, what=WHAT))
    outputs.write_markdown(lambda: benches_markdown(benches, what=WHAT, note=NOTE))
    outputs.write_annotations(lambda workspace: _annotations(benches, workspace))
    return worst(exit_code_of_run(record, strict_trust=options.strict_trust) for record in records)


def _run_servers(command: ParsedCommand[BenchOptions]) -> ExitCode:
    """Measure each server, print the table, and write the requested copies."""
    options, outputs = command.options, command.outputs
    if outputs.hdr is not None:
        raise UsageError("--hdr writes one file: use it with one --server.")
    console = TerminalConsole(outputs)
    benches = bench_servers(options, console=console, began=command.began)
    console.headline("all servers")
    show_benches(console.rich, benches)
    outputs.write_accepted(finding for row in benches if row.record for finding in row.record.findings)
    outputs.write_json(benches_document(benches))
    outputs.write_markdown(lambda: benches_markdown(benches))
    outputs.write_annotations(lambda workspace: _annotations(benches, workspace))
    return worst(_exit_code_of(row, strict_trust=options.strict_trust) for row in benches)


def _annotations(benches: Iterable[Bench], workspace: Path) -> list[Annotation]:
    return [each for row in benches if row.record for each in run_annotations(row.record, workspace)]


def _exit_code_of(row: Bench, *, strict_trust: bool) -> ExitCode:
    """The exit code for one server. A server that is not installed counts as OK."""
    if row.record is not None:
        return exit_code_of_run(row.record, strict_trust=strict_trust)
    return ExitCode.USAGE if row.failed else ExitCode.OK
