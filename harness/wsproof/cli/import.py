"""`wsproof import`: keep a result of another tool as a run."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from wsproof.cli.options import ImportOptions
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.report.formats.imports import imported_record
from wsproof.report.formats.page import write_page
from wsproof.report.store.runs import RunStore


def run_command(command: ParsedCommand[ImportOptions]) -> ExitCode:
    """Read the file, keep its run, and print the path of the page."""
    record = imported_record(command.options.file)
    store = RunStore.open(command.options.out, Path.cwd())
    folder = store.new_run(record.command, record.git, datetime.fromisoformat(record.started_utc))
    folder.write(record.but(id=folder.id))
    sys.stdout.write(f"{write_page(folder)}\n")
    return ExitCode.OK
