"""Runs functions and commands that publish, with a time limit: `run_call` blocks, `CallInThread` does not."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from threading import Thread

from wsproof.model.outside_call import Command, OutsideCall, PublishAnswer

CALL_S = 10.0
"""Seconds that a command may take. That is enough to start an interpreter on a busy machine, and for a slow broker."""
_SHOWN = 200
"""Characters of an error that are kept in the answer."""


def run_call(call: OutsideCall, deadline_s: float = CALL_S) -> PublishAnswer:
    """Call the function, or run the command and end it after `deadline_s` seconds. Never raises.

    A function cannot be ended: it should have a timeout of its own.
    """
    if isinstance(call, Command):
        return _run(call, deadline_s)
    try:
        call.function()
    except Exception as error:  # noqa: BLE001 - any exception of the user's function means that nothing was published
        return PublishAnswer(f"{type(error).__name__}: {error}"[:_SHOWN])
    return PublishAnswer(is_accepted=True)


def _run(command: Command, deadline_s: float) -> PublishAnswer:
    name = command.arguments[0]
    try:
        done = subprocess.run(command.arguments, input=command.input_bytes, capture_output=True, timeout=deadline_s)
    except subprocess.TimeoutExpired:
        return PublishAnswer(f"{name} did not end within {deadline_s:g} s")
    except OSError as error:
        return PublishAnswer(f"{name} cannot be run ({error.strerror or error})")
    if done.returncode == 0:
        return PublishAnswer(is_accepted=True)
    words = " ".join((done.stderr or done.stdout).decode(errors="replace").split())
    return PublishAnswer(f"{name} ended with exit code {done.returncode}{f': {words}' if words else ''}"[:_SHOWN])


def run_in_thread(call: OutsideCall, deadline_s: float, answered: Callable[[PublishAnswer], None]) -> None:
    """Run a call in a daemon thread, which then calls `answered`."""
    Thread(target=lambda: answered(run_call(call, deadline_s)), daemon=True).start()


class CallInThread:
    """One call at a time, for callers that poll: `begin`, then `advance` until it returns an answer."""

    def __init__(self, *, deadline_s: float = CALL_S) -> None:
        self._deadline_s = deadline_s
        self._ours: socket.socket | None = None
        self._answers: list[PublishAnswer] = []

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable when the call has ended."""
        assert self._ours is not None
        return self._ours.fileno()

    def begin(self, call: OutsideCall) -> None:
        """Start the call."""
        self.close()
        self._ours, theirs = socket.socketpair()
        answers = self._answers = []

        def answered(answer: PublishAnswer) -> None:
            answers.append(answer)
            theirs.close()  # makes our end readable

        run_in_thread(call, self._deadline_s, answered)

    def advance(self) -> PublishAnswer | None:
        """Return the answer once the call has ended."""
        return self._answers[0] if self._answers else None

    def give_up(self) -> PublishAnswer:
        """Stop waiting for the call. A function continues in its thread."""
        self.close()
        return PublishAnswer(f"the call did not end within {self._deadline_s:g} s")

    def close(self) -> None:
        """Drop the call."""
        if self._ours is not None:
            self._ours.close()
            self._ours = None
