"""`wsproof report`: write the page of a run, or the index of all runs by branch."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

from wsproof.cli.console import rich_console
from wsproof.cli.options import ReportOptions
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.report.formats.hdr_log import read_logs, show_histograms
from wsproof.report.formats.page import write_index, write_page
from wsproof.report.store.runs import RunStore


def run_command(command: ParsedCommand[ReportOptions]) -> ExitCode:
    """Write the page again from the stored record and print its path. With `--hdr`, print HdrHistogram logs."""
    options = command.options
    if options.hdr:
        show_histograms(rich_console(), read_logs(options.hdr))
        return ExitCode.OK
    store = RunStore.open(options.out, Path.cwd())
    page = write_page(store.find(options.run)) if options.run else write_index(store)
    sys.stdout.write(f"{page}\n")
    if options.open:
        webbrowser.open(page.resolve().as_uri())
    return ExitCode.OK
