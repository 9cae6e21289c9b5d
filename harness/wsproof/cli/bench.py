"""`wsproof bench`: measure the time until the last of N subscribers has a message, and check every delivery."""

from __future__ import annotations

from wsproof.cli.command import Command
from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of_run
from wsproof.errors import ExitCode
from wsproof.report.formats.markdown import run_markdown
from wsproof.session.bench import bench
from wsproof.session.bench_mix import is_mix
from wsproof.session.options import BenchOptions
from wsproof.target.servers import names_several


def run_command(command: Command[BenchOptions]) -> ExitCode:
    """Measure the target, print the figures, and keep the run."""
    options, outputs = command.options, command.outputs
    if is_mix(options.workload):
        from wsproof.cli import bench_mix

        return bench_mix.run_command(command)
    if names_several(options.server):
        from wsproof.cli import bench_servers

        return bench_servers.run_command(command)
    result = bench(options, console=TerminalConsole(outputs), began=command.began)
    outputs.write_hdr(result.measurement)
    outputs.write_accepted(result.record.findings)
    outputs.write_json(result.record.to_json())
    outputs.write_markdown(lambda: run_markdown(result.record))
    return exit_code_of_run(result.record, strict_trust=options.strict_trust)
