"""A command that prepares a build: an installer, or the user's `--setup`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from wsproof.errors import TargetError
from wsproof.net.redact import redact

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
    # Inside a git hook, variables such as GIT_DIR would redirect the git commands of the step to the hook's repository.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=folder,
            env={**inherited, **variables},
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
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        raise TargetError(f"{what} ended with exit code {process.returncode}.{_last_lines(output)}")


def _last_lines(output: str) -> str:
    lines = [redact(line) for line in output.splitlines() if line.strip()][-SHOWN_LINES:]
    return "".join(["\nIts last lines:", *(f"\n    {line}" for line in lines)]) if lines else " It wrote nothing."
