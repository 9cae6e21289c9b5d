"""Member ids of a Locust process. They are part of its envelopes and its members' names.

A server that wsproof did not start may have another run in the same channel. So each test draws a share of the ids,
as the engine does (`model/member_ids.py`). The master draws one share for all processes, and each worker uses a part
of it. Messages with other ids are ignored.
"""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakKeyDictionary

from gevent.event import AsyncResult
from locust.runners import MasterRunner, WorkerRunner

from wsproof.model.member_ids import SHARES, SIZE, MemberIds, draw_share

OWNED = "WSPROOF_OWNED"
"""Variable with the URL of a server that wsproof started, so that no other run uses it."""
ASK, TOLD = "wsproof-ask-share", "wsproof-share"
"""The message of a worker to its master, and the reply."""
ANSWER_SECONDS = 10.0
"""Timeout in seconds for the master's reply. A master without wsproof never replies, and the worker draws a share."""
PER_WORKER = 10 * SIZE
"""Ids per worker, so the number of users it may have in all before its ids reach those of the next worker."""

DRAWN: WeakKeyDictionary[Any, AsyncResult[MemberIds]] = WeakKeyDictionary()


def connect_processes(environment: Any) -> None:
    """Register the messages between master and workers."""
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(TOLD, take)
    elif isinstance(environment.runner, MasterRunner):
        environment.runner.register_message(ASK, tell)


def forget(environment: Any) -> None:
    """Drop the share of the previous test."""
    DRAWN.pop(environment, None)


def first_number(environment: Any, share: MemberIds) -> int:
    """The id of this process's first member in a test with the share."""
    worker = max(getattr(environment.runner, "worker_index", 0), 0)
    return (share.first + worker * PER_WORKER) % (SHARES * SIZE)


def share_of(environment: Any) -> MemberIds:
    """The share of this test, drawn on first use. A worker asks its master, and waits for at most ANSWER_SECONDS."""
    drawn = DRAWN.get(environment)
    if drawn is None:
        drawn = DRAWN[environment] = AsyncResult()
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.send_message(ASK)
        else:
            drawn.set(draw_share(alone=environment.host.rstrip("/") == os.environ.get(OWNED)))
    if not drawn.ready():
        drawn.wait(timeout=ANSWER_SECONDS)
    if not drawn.ready():  # the master does not run wsproof
        drawn.set(draw_share(alone=False))
    share: MemberIds = drawn.get()
    return share


def tell(environment: Any, msg: Any, **_: Any) -> None:
    """Reply to a worker with the share. Runs in the master."""
    share = share_of(environment)
    environment.runner.send_message(TOLD, {"first": share.first, "alone": share.alone}, client_id=msg.node_id)


def take(environment: Any, msg: Any, **_: Any) -> None:
    """Take the share from the master's reply. Runs in a worker."""
    drawn = DRAWN.get(environment)
    if drawn is not None and not drawn.ready():
        drawn.set(MemberIds(**msg.data))
