"""Member ids of a Locust process. They are part of its envelopes and its members' names.

A server that wsproof did not start may have another run in the same channel. So each test draws a share of the ids,
as the engine does (`model/member_ids.py`). The master draws one share for all processes, and each worker uses a part
of it. Messages with other ids are ignored.
"""

from __future__ import annotations

from typing import Any

from gevent.event import AsyncResult
from locust.runners import MasterRunner, WorkerRunner

from wsproof.locust.session import LoadSession, session_of
from wsproof.locust.workers import alive_workers
from wsproof.model.member_ids import SHARES, SIZE, MemberIds, draw_share

ASK, REPLY = "wsproof-ask-share", "wsproof-share"
"""The message of a worker to its master, and the reply."""
ANSWER_SECONDS = 10.0
"""Timeout in seconds for the master's reply. A master without wsproof never replies, and the worker draws a share."""
PER_WORKER = 10 * SIZE
"""Ids per worker: SIZE for each user class. With more users or classes, its ids reach those of the next worker."""


def connect_processes(environment: Any) -> None:
    """Register the messages between master and workers."""
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(REPLY, take)
    elif isinstance(environment.runner, MasterRunner):
        environment.runner.register_message(ASK, reply_with_share)


def first_number(environment: Any, share: MemberIds, user_class: int = 0) -> int:
    """The id of the first member in this process of a user class, by the number of the class."""
    worker = max(getattr(environment.runner, "worker_index", 0), 0)
    return (share.first + worker * PER_WORKER + user_class * SIZE) % (SHARES * SIZE)


def ids_of_test(environment: Any) -> range:
    """The ids of the same user class in all processes of the test, counted from the first one in this process.

    A worker joins at a random time, so that workers with a higher index than the number of workers are not among them.
    """
    worker = max(getattr(environment.runner, "worker_index", 0), 0)
    count = session_of(environment).process_count
    return range(-worker * PER_WORKER, (count - worker) * PER_WORKER)


def share_of(environment: Any) -> MemberIds:
    """The share of this test, drawn on first use. A worker asks its master, and waits for at most ANSWER_SECONDS."""
    session = session_of(environment)
    drawn = session.share
    if drawn is None:
        drawn = session.share = AsyncResult()
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.send_message(ASK)
        else:
            drawn.set(draw_share(alone=_is_alone(session)))
    if not drawn.ready():
        drawn.wait(timeout=ANSWER_SECONDS)
    if not drawn.ready():  # the master does not run wsproof
        drawn.set(draw_share(alone=False))
    share: MemberIds = drawn.get()
    return share


def _is_alone(session: LoadSession) -> bool:
    """Whether all targets are servers of ours, so that no other run uses them."""
    return bool(session.urls) and set(session.urls.values()) <= session.owned


def reply_with_share(environment: Any, msg: Any, **_: Any) -> None:
    """Reply to a worker with the share, the URLs of the targets and the number of workers. Runs in the master."""
    share = share_of(environment)
    urls = session_of(environment).urls
    reply = {
        "first": share.first,
        "alone": share.alone,
        "urls": dict(urls),
        "workers": len(alive_workers(environment.runner)),
    }
    environment.runner.send_message(REPLY, reply, client_id=msg.node_id)


def take(environment: Any, msg: Any, **_: Any) -> None:
    """Take the share from the master's reply. Runs in a worker."""
    session = session_of(environment)
    session.urls.update(msg.data["urls"])
    session.process_count = max(msg.data.get("workers", 1), 1)
    if session.share is not None and not session.share.ready():
        session.share.set(MemberIds(msg.data["first"], msg.data["alone"]))
