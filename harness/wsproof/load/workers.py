"""The pool of worker processes of a run, and the JSON lines between parent and workers."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from wsproof.errors import CannotTellError, WorkloadError
from wsproof.model.secrecy import learn
from wsproof.net.clock import Deadline

WORKER = "wsproof.load.worker.process"
"""The module of a worker of the load engine."""
_GRACE_S = 3.0
"""Time, in seconds, that the workers get to exit by themselves."""


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """A message from a worker."""

    worker: int
    what: str
    details: dict[str, Any]


class ProcessConfig(Protocol):
    """The configuration of one process: its number, the directory of its log, and its line of JSON."""

    @property
    def folder(self) -> Path: ...

    @property
    def index(self) -> int: ...

    def encode(self) -> bytes: ...


class WorkerPool:
    """Context manager that starts the worker processes on entry and stops all of them on exit.

    Each process runs `module`.
    """

    def __init__(self, configs: Sequence[ProcessConfig], module: str = WORKER) -> None:
        self._configs = configs
        self._module = module
        self._processes: list[subprocess.Popen[bytes]] = []
        self._messages: queue.SimpleQueue[WorkerMessage] = queue.SimpleQueue()
        self.is_stopping = False
        """Whether the workers were asked to finish. From then on, an exit of a worker is no error."""

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def __enter__(self) -> WorkerPool:
        try:
            for config in self._configs:
                self._start(config)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, config: ProcessConfig) -> None:
        # -P: the current directory must not shadow the standard library. A new session: Ctrl-C signals only the parent,
        # so that the workers can still write what they have recorded.
        with self._log_path(config).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        threading.Thread(target=self._listen, args=(config.index, process), daemon=True).start()
        self._write(process, config.encode())

    def _listen(self, worker: int, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as stdout:
            for line in stdout:
                details = json.loads(line)
                if details["is"] == "secrets":  # learn now: the server may print them before the parent reads the queue
                    learn(details["values"])
                    continue
                self._messages.put(WorkerMessage(worker, details.pop("is"), details))
        self._messages.put(WorkerMessage(worker, "gone", {}))

    def send(self, do: str, **details: Any) -> None:
        """Send a command to all workers."""
        line = json.dumps({"do": do, **details}).encode() + b"\n"
        for process in self._processes:
            self._write(process, line)

    def wait_message(self, timeout_s: float) -> WorkerMessage | None:
        """Wait for the next message from any worker. None after the timeout.

        Raises:
            CannotTellError: a worker died.
            WorkloadError: a worker found a mistake in the user's workload.
        """
        try:
            message = self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if message.what == "mistake":
            raise WorkloadError(message.details["message"])
        if message.what == "gone" and not self.is_stopping:
            raise CannotTellError(self._death_sentence(message.worker))
        return message

    def stop(self) -> None:
        """Stop all workers.

        A worker whose standard input closes writes its records and exits by itself. Workers that are still alive after
        _GRACE_S are killed.
        """
        self.is_stopping = True
        for process in self._processes:
            _close(process)
        deadline = Deadline.after(_GRACE_S)
        for process in self._processes:
            try:
                process.wait(deadline.remaining_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for config in self._configs:
            path = self._log_path(config)
            if path.exists() and not path.stat().st_size:
                path.unlink()

    def _write(self, process: subprocess.Popen[bytes], line: bytes) -> None:
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # the worker died: `wait_message` notices and reports how
            process.stdin.write(line)
            process.stdin.flush()

    def _death_sentence(self, worker: int) -> str:
        process = self._processes[worker]
        try:
            code: object = process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            code = "unknown"
        last = self._log_path(self._configs[worker]).read_text(errors="replace").splitlines()[-12:]
        output = "\n".join(["", *last]) if last else " It left no message."
        return f"Worker {worker} of the load engine died (exit code {code}).{output}"

    @staticmethod
    def _log_path(config: ProcessConfig) -> Path:
        return config.folder / f"worker-{config.index}.log"


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # the worker died: nobody reads what was still buffered
        process.stdin.close()
