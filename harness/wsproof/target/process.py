"""One server process that we started: its process tree, its output, its exit."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from wsproof.target.guard import DEFAULT_GRACE_S
from wsproof.target.introspect import cannot_start_in, child_environment, guarded
from wsproof.target.output_tail import LogFile, OutputTail

_SHELLS = ("sh", "bash", "dash", "zsh")
GRACE_S = DEFAULT_GRACE_S
"""Seconds that a server may take to end after it was asked to."""
_MARGIN_S = 2.0
"""Seconds that the guard may need beyond its grace period. After that, we kill all processes ourselves."""


class ServerProcess:
    """A command that runs under the guard.

    The command ends when `stop` is called, and also when this process ends, for whatever reason.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        secrets: tuple[str, ...] = (),
        files: int = 0,
        log: LogFile | None = None,
    ) -> None:
        try:
            self._guard = subprocess.Popen(
                guarded(list(command), grace_s=GRACE_S, files=files),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=child_environment(env),
                start_new_session=True,  # Ctrl-C in the terminal must reach only us: we stop the server ourselves
            )
        except OSError as error:
            raise cannot_start_in(cwd, error) from error
        assert self._guard.stdout is not None
        self.output = OutputTail(self._guard.stdout, secrets, log)
        self._root: psutil.Process | None = None

    @property
    def exit_code(self) -> int | None:
        """The exit code (128 + n after signal n); None while the command runs."""
        return self._guard.poll()

    def wait_exit(self, timeout_s: float) -> int | None:
        """Wait for the exit code; None if the command still runs after `timeout_s`."""
        try:
            return self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    @property
    def pid(self) -> int | None:
        """The pid of the command, the root of its process tree; None before the process exists."""
        if self._root is None:
            try:
                self._root = next(iter(psutil.Process(self._guard.pid).children()), None)
            except psutil.NoSuchProcess:
                return None
        return self._root.pid if self._root is not None else None

    def tree(self) -> list[psutil.Process]:
        """Return the command's process and all its descendants at this moment."""
        if self.pid is None or self._root is None:
            return []
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def ask_to_end(self) -> None:
        """Send SIGTERM to the command. If the command is a shell, its children get it instead."""
        tree = self.tree()
        if not tree:
            return
        root, children = tree[0], tree[0].children()
        for process in children if root.name() in _SHELLS and children else [root]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()

    def listens_on(self, port: int) -> bool | None:
        """Whether a process of the tree listens on this TCP port; None if the system does not report it."""
        # Read the pid first: the process may appear during the check.
        is_known, was_there = False, self.pid is not None
        for process in self.tree():
            try:
                connections = process.net_connections(kind="tcp")
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied:
                return None
            is_known = True
            if any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections):
                return True
        return False if is_known or not was_there or self.exit_code is not None else None

    def workers(self, port: int) -> int:
        """Count the processes of the tree that accept connections on this port."""
        return len(self._workers(port))

    def kill_worker(self, port: int) -> bool:
        """Kill the newest of the processes that accept connections on this port. False if there are fewer than two."""
        workers = sorted(self._workers(port), key=lambda process: process.pid)
        if len(workers) < 2:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            workers[-1].kill()
        return True

    def _workers(self, port: int) -> set[psutil.Process]:
        """The processes that listen on this port, and none of whose children does."""
        listening = {process for process in self.tree() if _listens(process, port)}
        return listening - {parent for process in listening if (parent := process.parent()) is not None}

    def stop(self) -> None:
        """Stop the command: first ask it to end, then kill it. Returns within about five seconds.

        Further calls do nothing.
        """
        tree = self.tree() if self.exit_code is None else []
        assert self._guard.stdin is not None
        self._guard.stdin.close()  # the guard waits for this
        try:
            self._guard.wait(GRACE_S + _MARGIN_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._end_leftovers(tree)
        self.output.wait_end(1.0)

    def _end_leftovers(self, tree: list[psutil.Process]) -> None:
        """Kill remaining processes, which left their process group or lost their guard."""
        for process in tree:
            try:
                # psutil compares start times, so it never kills an unrelated process with a recycled pid
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(tree, timeout=_MARGIN_S)


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections(kind="tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections)


def describe_exit(code: int) -> str:
    """Describe an exit code in words."""
    if code > 128:
        try:
            return f"was ended by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"ended with exit code {code}"
