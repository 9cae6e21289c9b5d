"""What the command line shows and writes beside the record of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from wsproof.errors import UsageError
from wsproof.session.option import option

_FILES = ("json", "junit", "markdown", "hdr", "write_accepted")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The copies that a command writes, and how it shows its result. Each verb offers some of them."""

    headless: bool = option("no web page: run, report, exit", False)
    all: bool = option("show known deviations of server libraries one by one", False)
    write_accepted: Path | None = option(
        "write the findings that count as a file of known deviations, with the reasons to fill in",
        parse=Path,
        metavar="FILE",
    )
    hdr: Path | None = option("write latencies as a HdrHistogram log, too", parse=Path, metavar="FILE")
    json: Path | None = option("write the result as JSON, too (- for standard output)", parse=Path, metavar="FILE")
    junit: Path | None = option("write JUnit XML of the checks, too", parse=Path, metavar="FILE")
    markdown: Path | None = option("write it as Markdown, too: for a comment or a page", parse=Path, metavar="FILE")

    def require_writable(self) -> None:
        """Check that every file can be written. A verdict that cannot be written at the end would be lost.

        Raises:
            UsageError: a path is a folder, or its folder does not exist or is not writable.
        """
        for name in _FILES:
            path: Path | None = getattr(self, name)
            if path is not None and path != Path("-"):
                require_writable(path, f"--{name.replace('_', '-')}")


def require_writable(path: Path, option_name: str) -> None:
    """Check that a file can be written at the path of an option.

    Raises:
        UsageError: the path is a folder, or its folder does not exist or is not writable.
    """
    if path.is_dir():
        raise UsageError(f"{option_name} wants a file, and {path} is a folder; name a file in it.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(
            f"{option_name} {path}: there is no folder {path.parent} that can be written to; make it first."
        )
