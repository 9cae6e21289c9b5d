"""A command that prepares a build: an installer, or the user's `--setup`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from wsproof.comparison.repository import environment_without_git
from wsproof.errors import TargetError
from wsproof.net.redact import redact
from wsproof.target.last_exception import quoted_last_lines

STEP_TIMEOUT_S = 900.0
"""Timeout of one command, in seconds."""
SHOWN_LINES = 12
"""Lines of the command's output that an error shows."""


def run_step(command: Sequence[str] | str, folder: Path, variables: Mapping[str, str], what: str) -> None:
    """Run a command in `folder`, with additional environment variables. A text is run by the shell.

    `what` names the command in errors. The command and its children are killed if anything interrupts this call.

    Raises:
        TargetError: the command failed or took too long. The message has its exit code and its last lines.
    """
    try:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=folder,
            env={**environment_without_git(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as absent:
        raise TargetError(f"{what} cannot be run: {absent}") from absent
    try:
        output, _ = process.communicate(timeout=STEP_TIMEOUT_S)
    except subprocess.TimeoutExpired as slow:
        raise TargetError(f"{what} took more than {STEP_TIMEOUT_S:.0f} s") from slow
    finally:
        if process.returncode is None:  # not poll(): children of a shell that has ended must be killed, too
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        lines = [redact(line) for line in output.splitlines()]
        raise TargetError(f"{what} ended with exit code {process.returncode}.{quoted_last_lines(lines, SHOWN_LINES)}")
