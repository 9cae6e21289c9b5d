"""Compares the output of a command with the output that a page shows."""

from __future__ import annotations

import re
from pathlib import Path

LEFT_OUT = "..."
"""A line of a page that stands for lines that are left out."""


def comparable(line: str, folder: Path) -> str:
    """Return a line of output without the parts that differ between runs."""
    line = line.replace(f"{folder}/", "")
    line = re.sub(r"runs/[^/ ]+/", "runs/RUN/", line)
    line = re.sub(r"-[0-9a-f]{8}\.json", "-ID.json", line)
    return re.sub(r"(, |  )[0-9.e-]+ s(?=, seed|  |$)", r"\1N s", line.rstrip())


def missing_lines(page: str, output: str, folder: Path) -> list[str]:
    """The lines of the page that the command did not print."""
    came = [comparable(line, folder) for line in output.splitlines()]
    return [line.rstrip() for line in page.splitlines() if line != LEFT_OUT and line.rstrip() not in came]
