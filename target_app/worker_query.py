"""Queries to all workers: the same question for each, and the answers within a timeout."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable

from target_app.backplane import BEAT, Backplane

ANSWER_TIMEOUT = 1.0
"""Seconds for the slowest worker. A worker that has not answered by then is left out."""

FORGOTTEN_AFTER = 5.0
"""Seconds of silence after which a worker is no longer waited for."""

Answer = Callable[[], str]


class WorkerQuery:
    """Asks all workers. A single worker only asks itself."""

    def __init__(self, backplane: Backplane) -> None:
        self._backplane = backplane
        self._numbers = itertools.count(1)
        self._answers: dict[str, Answer] = {}
        self._heard_at: dict[str, float] = {}
        self._asked: dict[int, dict[str, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._mine = f"answers:{backplane.worker}"
        backplane.subscribe(BEAT, self._beat)
        backplane.subscribe("questions", self._question)
        backplane.subscribe(self._mine, self._answered)

    def answer(self, question: str, answer: Answer) -> None:
        """Register the answer of this worker. It is computed when asked for, and must not wait."""
        self._answers[question] = answer

    async def ask(self, question: str) -> dict[str, str]:
        """Return the answer of each worker. This worker's own is always included."""
        own = {self._backplane.worker: self._answers[question]()}
        if self._backplane.alone or not self._backplane.connected:
            return own
        number = next(self._numbers)
        answers = self._asked[number] = own
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._backplane.publish("questions", json.dumps([self._mine, number, question]))
                while not self._others() <= answers.keys():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            pass  # leave out workers that did not answer in time
        finally:
            del self._asked[number]
        return dict(sorted(answers.items()))

    def _others(self) -> set[str]:
        recently = asyncio.get_running_loop().time() - FORGOTTEN_AFTER
        return {worker for worker, heard_at in self._heard_at.items() if heard_at > recently}

    def _beat(self, worker: str) -> None:
        self._heard_at[worker] = asyncio.get_running_loop().time()
        known = self._others()
        self._heard_at = {name: at for name, at in self._heard_at.items() if name in known}

    def _question(self, payload: str) -> None:
        reply_to, number, question = json.loads(payload)
        if reply_to != self._mine and question in self._answers:
            reply = json.dumps([self._backplane.worker, number, self._answers[question]()])
            task = asyncio.create_task(self._backplane.publish(reply_to, reply), name="answer")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _answered(self, payload: str) -> None:
        worker, number, answer = json.loads(payload)
        if number in self._asked:
            self._asked[number][worker] = answer
