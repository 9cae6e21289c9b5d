"""Outputs of the command line, in addition to the record of a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsproof.errors import UsageError
from wsproof.session.option import option

if TYPE_CHECKING:
    from wsproof.model.finding import Finding
    from wsproof.model.measurement import Measurement


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The files that a command writes, and how it shows its result. Each verb offers some of them."""

    headless: bool = option("run without the web page, print the result and exit", False)
    quiet: bool = option("print only findings and verdict: no list of checks, no progress", False)
    all: bool = option("list known deviations of server libraries one by one", False)
    write_accepted_to: Path | None = option(
        "write the findings that count to a file of known deviations, in which you fill in the reasons",
        flags=("--write-accepted",),
        parse=Path,
        metavar="FILE",
    )
    hdr: Path | None = option("also write the latencies as an HdrHistogram log", parse=Path, metavar="FILE")
    json: Path | None = option("also write the result as JSON (- for standard output)", parse=Path, metavar="FILE")
    junit: Path | None = option("also write the checks as JUnit XML", parse=Path, metavar="FILE")
    markdown: Path | None = option("also write the result as Markdown", parse=Path, metavar="FILE")
    github: bool = option("also print the result as annotations of GitHub Actions", False)

    def require_writable(self) -> None:
        """Check that every file can be written. A verdict that cannot be written at the end would be lost.

        Raises:
            UsageError: a path is a folder, or its folder does not exist or is not writable.
        """
        files = {
            "--json": self.json,
            "--junit": self.junit,
            "--markdown": self.markdown,
            "--hdr": self.hdr,
            "--write-accepted": self.write_accepted_to,
        }
        for name, path in files.items():
            if path is not None and path != Path("-"):
                require_writable(path, name)

    def write_json(self, document: Mapping[str, Any]) -> None:
        """Write the document as JSON to the file of `--json`, or to stdout for `-`."""
        from wsproof.report.store.atomic import dumps, write_json

        if self.json == Path("-"):
            sys.stdout.write(dumps(document))
        elif self.json is not None:
            write_json(self.json, document)

    def write_junit(self, make: Callable[[], str]) -> None:
        """Write the JUnit XML that `make` returns, if `--junit` asks for it."""
        if self.junit is not None:
            _write(self.junit, make())

    def write_markdown(self, make: Callable[[], str]) -> None:
        """Write the Markdown that `make` returns, if `--markdown` asks for it."""
        if self.markdown is not None:
            _write(self.markdown, make())

    def write_annotations(self, make: Callable[[Path], Iterable[object]]) -> None:
        """Print the annotations that `make` returns for the workspace, if `--github` asks for them."""
        if self.github:
            workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
            out = sys.stderr if self.json == Path("-") else sys.stdout
            out.write("".join(f"{annotation}\n" for annotation in make(workspace)))

    def write_hdr(self, measurement: Measurement) -> None:
        """Write the latencies as an HdrHistogram log, if `--hdr` asks for it."""
        if self.hdr is not None:
            from wsproof.report.formats.hdr_log import write_log

            write_log(self.hdr, measurement)

    def write_accepted(self, findings: Iterable[Finding]) -> None:
        """Write the findings as a file of known deviations, if `--write-accepted` asks for one."""
        if self.write_accepted_to is not None:
            from wsproof.deviations import deviations_file

            _write(self.write_accepted_to, deviations_file(findings))


def require_writable(path: Path, option_name: str) -> None:
    """Check that a file can be written at the path of an option.

    Raises:
        UsageError: the path is a folder, or its folder does not exist or is not writable.
    """
    if path.is_dir():
        raise UsageError(f"{option_name} needs a file, but {path} is a folder: name a file in it.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(
            f"{option_name} {path}: the folder {path.parent} does not exist or is not writable: create it first."
        )


def _write(path: Path, text: str) -> None:
    from wsproof.report.store.atomic import write_text  # imports numpy, which --help does not need

    write_text(path, text)
