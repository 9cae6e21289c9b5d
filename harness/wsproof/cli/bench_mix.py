"""`wsproof bench --workload chat:8,echo:2`: several workloads at once on one server, with a run for each."""

from __future__ import annotations

from rich.text import Text

from wsproof.cli.command import Command
from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of_run, worst
from wsproof.errors import ExitCode, UsageError
from wsproof.report.formats.bench_table import Bench, benches_document, benches_markdown, show_benches
from wsproof.session.bench_mix import bench_mix
from wsproof.session.options import BenchOptions

WHAT = "workload"
NOTE = "Measured at the same time on one server. Figures marked ? are void."


def run_command(command: Command[BenchOptions]) -> ExitCode:
    """Measure the workloads at the same time, print each run and the table, and write the requested copies."""
    options, outputs = command.options, command.outputs
    if outputs.hdr is not None:
        raise UsageError("several workloads at once cannot have --hdr: leave it out, or measure one workload.")
    console = TerminalConsole(outputs)
    mix = bench_mix(options, console=console, began=command.began)
    records = [one.record for one in mix.workloads]
    benches = [Bench(str(record.plan["workload"]), record) for record in records]
    console.headline("all of them")
    show_benches(console.rich, benches, what=WHAT, note=NOTE)
    if mix.server_cpu_per_delivery_us is not None:
        cpu = f"{mix.server_cpu_per_delivery_us:.3g}"
        console.rich.print(Text(f"Server CPU per delivery of any of them: {cpu} µs."))
    outputs.write_accepted(finding for record in records for finding in record.findings)
    outputs.write_json(benches_document(benches, what=WHAT))
    outputs.write_markdown(lambda: benches_markdown(benches, what=WHAT, note=NOTE))
    return worst(exit_code_of_run(record, strict_trust=options.strict_trust) for record in records)
