"""Which numbers are a process's own: they stand in its envelopes and make its members' names.

On a server that we have not started there may be another run in the same room. So each test draws a share of the
numbers, as the engine does (`model/member_ids.py`): one for all its processes, of which the master draws it and each
worker has a part. What is of other numbers is passed over.
"""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakKeyDictionary

from gevent.event import AsyncResult
from locust.runners import MasterRunner, WorkerRunner

from wsproof.model.member_ids import SHARES, SIZE, MemberIds, draw_share

OWNED = "WSPROOF_OWNED"
"""The URL of a server that wsproof has started: nobody else is there."""
ASK, TOLD = "wsproof-ask-share", "wsproof-share"
"""What a worker says to its master, and the answer."""
ANSWER_SECONDS = 10.0
PER_WORKER = 10 * SIZE
"""Numbers of one worker: so many users may come and go in it while another process begins behind them."""

DRAWN: WeakKeyDictionary[Any, AsyncResult[MemberIds]] = WeakKeyDictionary()


def connect_processes(environment: Any) -> None:
    """Teach master and workers to ask and to answer."""
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(TOLD, take)
    elif isinstance(environment.runner, MasterRunner):
        environment.runner.register_message(ASK, tell)


def forget(environment: Any) -> None:
    """A new test begins, with a new share."""
    DRAWN.pop(environment, None)


def first_number(environment: Any, share: MemberIds) -> int:
    """The number of this process's first member in a test of that share."""
    worker = max(getattr(environment.runner, "worker_index", 0), 0)
    return (share.first + worker * PER_WORKER) % (SHARES * SIZE)


def share_of(environment: Any) -> MemberIds:
    """The share of this test, drawn when it is first asked for; by the master, where there is one: then this waits."""
    drawn = DRAWN.get(environment)
    if drawn is None:
        drawn = DRAWN[environment] = AsyncResult()
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.send_message(ASK)
        else:
            drawn.set(draw_share(alone=environment.host.rstrip("/") == os.environ.get(OWNED)))
    if not drawn.ready():
        drawn.wait(timeout=ANSWER_SECONDS)
    if not drawn.ready():  # a master that does not know wsproof
        drawn.set(draw_share(alone=False))
    share: MemberIds = drawn.get()
    return share


def tell(environment: Any, msg: Any, **_: Any) -> None:
    """The master: answer a worker."""
    share = share_of(environment)
    environment.runner.send_message(TOLD, {"first": share.first, "alone": share.alone}, client_id=msg.node_id)


def take(environment: Any, msg: Any, **_: Any) -> None:
    """A worker: the master's answer."""
    drawn = DRAWN.get(environment)
    if drawn is not None and not drawn.ready():
        drawn.set(MemberIds(**msg.data))
