"""Run a command that must not outlive wsproof: `python -m wsproof.target.guard [--grace S] [--files N] -- CMD...`.

The command gets its own process group. The guard ends the whole group in two cases: it gets a signal, or its standard
input reaches EOF. EOF means that our process closed the pipe or died, also by SIGKILL. The guard first asks the group
to end, and kills it after the grace period. When the command ends by itself, the guard ends the rest of the group too,
and exits with the command's exit code.

`--files` raises the file descriptor limit that the command inherits, if the limit is lower. The usual limit of a shell
is 1,024.

The guard imports little, and only from the standard library, because it starts before every server.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import time

DEFAULT_GRACE_S = 3.0
_POLL_S = 0.02


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code: 128 + n if signal n ended it."""
    grace_s = DEFAULT_GRACE_S
    if arguments[:1] == ["--grace"]:
        grace_s, arguments = float(arguments[1]), arguments[2:]
    if arguments[:1] == ["--files"]:
        _allow_files(int(arguments[1]))
        arguments = arguments[2:]
    if arguments[:1] != ["--"] or len(arguments) < 2:
        sys.stderr.write("usage: python -m wsproof.target.guard [--grace S] [--files N] -- CMD...\n")
        return 2
    wake = _wake_on_signals()
    try:
        child = subprocess.Popen(arguments[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"cannot run {arguments[1]}: {error.strerror}\n")
        return 127
    _wait_for_end(child, wake)
    _end_group(child, grace_s)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _wake_on_signals() -> int:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return reader


def _wait_for_end(child: subprocess.Popen[bytes], wake: int) -> None:
    """Return when the command has ended, our parent is gone, or the guard got a signal."""
    parent = sys.stdin.fileno()
    while child.poll() is None:
        ready, _, _ = select.select([parent, wake], [], [])
        if parent in ready and not os.read(parent, 4096):
            return
        if wake in ready and set(os.read(wake, 64)) - {signal.SIGCHLD}:
            return


def _end_group(child: subprocess.Popen[bytes], grace_s: float) -> None:
    if not _signal_group(child.pid, signal.SIGTERM):
        child.wait()
        return
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        child.poll()  # reaps the child: a zombie would keep the group alive
        if not _signal_group(child.pid, 0):
            return
        time.sleep(_POLL_S)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to every process of the group; False when no process is left."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return number != 0  # macOS reports this for a group that holds only zombies
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
