"""The dashboard's readings. One producer runs while there are viewers, and none otherwise."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .connection import Connection
from .room import Room


class Feed:
    def __init__(self, period: float, count_users: Callable[[], int]) -> None:
        self._period, self._count_users = period, count_users
        self._viewers = Room()
        self._producer: asyncio.Task[None] | None = None
        self._latest = ""
        self._cpu_before = (time.process_time(), time.monotonic())

    @contextmanager
    def viewing(self, viewer: Connection) -> Iterator[None]:
        """Add a viewer for the duration of the block. It gets the latest reading at once [D4]."""
        with self._viewers.membership(viewer):
            if self._producer is None:
                self._latest = self._read(0.0)
                self._producer = asyncio.create_task(self._produce(), name="dashboard producer")
            viewer.send(self._latest)
            try:
                yield
            finally:
                if len(self._viewers) == 1:  # the last viewer is about to leave
                    self._producer.cancel()
                    self._producer = None

    async def _produce(self) -> None:
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            due = max(due + self._period, now())  # measured from the last due time, so that it does not drift [D7]
            await asyncio.sleep(due - now())
            self._latest = self._read(now() - due)
            self._viewers.publish(self._latest, latest_only=True)  # a slow viewer skips readings [D5]

    def _read(self, lateness: float) -> str:
        """Return real measurements [D2]; `response_time` is the lateness of the event loop in ms [D3]."""
        used, at = time.process_time(), time.monotonic()
        share = (used - self._cpu_before[0]) / max(at - self._cpu_before[1], 1e-3)
        self._cpu_before = (used, at)
        return json.dumps(
            {
                "cpu_usage": round(min(100.0, 100 * share), 1),
                "memory_usage": memory_usage(),
                "active_users": self._count_users(),
                "response_time": round(max(0.0, lateness * 1000), 3),
            }
        )


def memory_usage() -> float:
    """Per cent of the machine's memory that is in use; 0 where that cannot be read [D1]: take `psutil` there."""
    try:
        with open("/proc/meminfo") as lines:
            kibibytes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    except OSError:
        return 0.0
    return round(100 * (1 - kibibytes["MemAvailable"] / kibibytes["MemTotal"]), 1)
