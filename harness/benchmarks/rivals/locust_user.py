"""A typical load of a WebSocket with stock Locust: websocket-client, and a request event per message.

    locust -f locust_user.py --headless -u 100 -r 100 -t 15s --host ws://127.0.0.1:8000

`WSPROOF_RIVAL` has the shape, the maximum rate of each user per second, and the file for its notes: `echo:10:rows.npz`.
With WSPROOF_BLOCKED, the hub is blocked half of the time. In the shape `echo`, each user sends, and waits for the
answer. In the other shapes, all users listen and the first one publishes.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
from locust import User, constant_throughput, events, task
from websocket import WebSocketException, create_connection

from benchmarks.rivals.blocked_hub import block_if_asked
from benchmarks.truth.report import Row, report_of
from wsproof import Envelope
from wsproof.model.envelope import body_of

SHAPE, RATE_HZ, FILE = os.environ["WSPROOF_RIVAL"].split(":", 2)
WARMUP_NS = 2_000_000_000
BODY = body_of(120)
rows: list[Row] = []
sent: dict[tuple[int, int], int] = {}
numbers = itertools.count()
request: Any = events.request
quitting: Any = events.quitting


class Client(User):
    wait_time = constant_throughput(float(RATE_HZ))

    def on_start(self) -> None:
        self.number = next(numbers)
        self.sequence = 0
        self.line = create_connection(f"{self.host}/ws/{self.number + 1}" if SHAPE != "echo" else f"{self.host}/ws")
        self.listening = gevent.spawn(self.listen) if SHAPE != "echo" else None

    def on_stop(self) -> None:
        if self.listening is not None:
            self.listening.kill()
        self.line.close(timeout=1)

    @task
    def say(self) -> None:
        if SHAPE != "echo" and self.number:
            gevent.sleep(1)
            return
        key = (self.number, self.sequence)
        self.sequence += 1
        text = Envelope(*key, monotonic_ns()).seal(BODY)
        sent[key] = monotonic_ns()
        self.line.send(text)
        if SHAPE == "echo":
            self.note(self.line.recv(), sent[key])

    def listen(self) -> None:
        while True:
            try:
                text = self.line.recv()
            except (OSError, WebSocketException):
                return  # the user has stopped
            self.note(text, 0)

    def note(self, text: Any, since_ns: int) -> None:
        now = monotonic_ns()
        payload = text.encode() if isinstance(text, str) else text
        rows.append((self.number, payload, now))
        request.fire(
            request_type="WS",
            name=SHAPE,
            response_time=(now - since_ns) / 1e6 if since_ns else 0.0,
            response_length=len(payload),
            exception=None,
            context={},
        )


def write_down(**_: Any) -> None:
    first = min(sent.values(), default=0)
    report_of(rows, sent, first + WARMUP_NS).save(Path(FILE))


block_if_asked()
quitting.add_listener(write_down)
