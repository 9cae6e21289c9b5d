"""`wsproof export`: write a run in the format of another tool."""

from __future__ import annotations

import sys
from pathlib import Path

from wsproof.cli.options import ExportOptions
from wsproof.cli.outputs import require_writable
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.report.formats.exports import export
from wsproof.report.store.atomic import write_text
from wsproof.report.store.runs import RunStore


def run_command(command: ParsedCommand[ExportOptions]) -> ExitCode:
    """Write the run to the file, or to standard output."""
    options = command.options
    store = RunStore.open(options.out, Path.cwd())
    if options.output == Path("-"):
        sys.stdout.write(export(options.format, store, store.find(options.run)))
        return ExitCode.OK
    require_writable(options.output, "--output")
    write_text(options.output, export(options.format, store, store.find(options.run)))
    return ExitCode.OK
