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
from wsproof.report.formats.index_page import write_index
from wsproof.report.formats.page import write_stored_page
from wsproof.report.store.retention import Removal, remove_oldest
from wsproof.report.store.runs import RunStore
from wsproof.report.text.run import count


def run_command(command: ParsedCommand[ReportOptions]) -> ExitCode:
    """Write the page again from the stored record and print its path. With `--hdr`, print HdrHistogram logs."""
    options = command.options
    if options.hdr:
        show_histograms(rich_console(), read_logs(options.hdr))
        return ExitCode.OK
    store = RunStore.open(options.out, Path.cwd())
    if options.keep is not None:
        sys.stderr.write(f"{removal_sentence(remove_oldest(store, options.keep))}\n")
    page = write_stored_page(store.find(options.run)) if options.run else write_index(store)
    sys.stdout.write(f"{page}\n")
    if options.open:
        webbrowser.open(page.resolve().as_uri())
    return ExitCode.OK


def removal_sentence(removal: Removal) -> str:
    """Say how many runs were removed, and how many were too important to remove."""
    sentence = f"removed {count(len(removal.removed), 'run')}"
    if not removal.protected:
        return sentence
    protected = count(len(removal.protected), "older run")
    return f"{sentence}; {protected} kept: named by a link or a comparison, or not complete"
