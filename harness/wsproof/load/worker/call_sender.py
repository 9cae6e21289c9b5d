"""Publishes by functions and commands of the user's, each in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from wsproof.load.worker.outside_sender import OutsideSender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.outside_call import OutsideCall, PublishAnswer
from wsproof.net.outside_call import CALL_S, run_in_thread
from wsproof.workloads import Workload


class CallSender(OutsideSender):
    """Performs the calls of a worker's publishers."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        workload: Workload,
        recorder: WorkerRecorder,
        sizes: Iterator[int],
        first: int = 0,
    ) -> None:
        super().__init__(workload, recorder, sizes, first)
        self._loop = loop
        self._running: set[tuple[int, int]] = set()

    def _begin(self, member: int, sequence: int, prepared: OutsideCall) -> None:
        self._running.add((member, sequence))

        def answered(answer: PublishAnswer) -> None:
            with suppress(RuntimeError):  # the loop is closed: the run has ended without this answer
                self._loop.call_soon_threadsafe(self._answered, member, sequence, answer)

        run_in_thread(prepared, CALL_S, answered)

    def _answered(self, member: int, sequence: int, answer: PublishAnswer) -> None:
        if (member, sequence) in self._running:
            self._running.discard((member, sequence))
            self.answered(member, sequence, answer)

    def close(self) -> None:
        """Record calls that have not ended."""
        super().close()
        for member, sequence in list(self._running):
            self._answered(member, sequence, PublishAnswer("the call had not ended when the run ended"))
