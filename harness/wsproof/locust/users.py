"""WebSocket users for Locust: one with a client for tasks, and one that is a member of a channel."""

from __future__ import annotations

import logging
from time import monotonic_ns
from typing import Any, ClassVar

from locust import User, task
from locust.exception import StopUser

from wsproof.errors import WorkloadError, WsproofError
from wsproof.locust.client import WebSocketClient
from wsproof.locust.connection import GeventConnection
from wsproof.locust.member_ids import share_of
from wsproof.locust.options import as_locust_says, endpoint_of
from wsproof.locust.outcome import give_up
from wsproof.locust.registry import run_of, url_of
from wsproof.locust.session import session_of
from wsproof.model.history import Departure
from wsproof.target.member_endpoint import member_endpoint
from wsproof.wire.refusal import advice_on_refusal
from wsproof.workloads import Workload, prepared

logger = logging.getLogger(__name__)

STAY_SECONDS = 1.0
"""Seconds that one run of the task `stay` waits for the end of the connection."""
CLOSE_SECONDS = 2.0
"""Timeout in seconds for the server to end the connection after the close frame."""


class WebSocketUser(User):
    """A user whose tasks speak through `self.ws`: `connect`, `send`, `recv`, `ask`, `close`.

    Each call is a Locust request. `wait_time`, tags and tasks are as in every Locust user. A subclass with a method
    `on_message(self, message)` gets each message there, in a greenlet of its own, and needs no `recv`.
    """

    abstract = True
    ws: WebSocketClient

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        share_of(environment)  # a worker gets the address of the target from its master
        url = url_of(environment, type(self))
        if url is None:
            raise WorkloadError(f"{type(self).__name__} has no target: give --host, or `host` in the class")
        on_message = self._hand_over if hasattr(self, "on_message") else None
        self.ws = WebSocketClient(endpoint_of(environment, url), environment.events.request.fire, on_message)

    def _hand_over(self, message: str | bytes) -> None:
        """Call `on_message`. What it raises is an error of this user, as in a task, and the next message comes."""
        try:
            self.on_message(message)  # type: ignore[attr-defined]
        except Exception as fault:
            self.environment.events.user_error.fire(user_instance=self, exception=fault, tb=fault.__traceback__)
            logger.exception("%s.on_message failed", type(self).__name__)

    def on_stop(self) -> None:
        """Close the connection."""
        self.ws.close(CLOSE_SECONDS)


class ChannelUser(WebSocketUser):
    """A member of a channel. It connects, publishes on schedule, receives, and leaves.

    Subclass it and name a workload: a class as `channel`, or as `workload_name` one of `--ws-channels`. All users of
    the class share one WorkloadRun.

    `room_rate_hz` is publications per second of all users together. Deliveries grow with publications times users, so
    this rate, not that of a user, stays the same when users are added. The run's pacer lets the members publish in
    turn. Several Locust workers divide the rate among them.
    """

    abstract = True
    channel: ClassVar[type[Workload] | None] = None
    workload_name = "chat"
    room_rate_hz = 20.0
    payload_bytes = 120
    beside: ClassVar[type[ChannelUser] | None] = None
    """The class whose users this one joins: same channel, same settings, and all are judged together."""
    may_publish = True
    has_slow_start = False
    """Whether the measured window begins without these users."""
    receive_buffer: ClassVar[int | None] = None
    """Size of the kernel's receive buffer in bytes; None: the kernel chooses."""
    line: GeventConnection | None = None
    has_room = False
    """Whether the user is, or was, a member of a run. It is not if it has no target."""

    def __init__(self, environment: Any) -> None:
        User.__init__(self, environment)  # a member has no client: its workload speaks

    @classmethod
    def room_class(cls) -> type[ChannelUser]:
        """The class whose users share one WorkloadRun with this one."""
        return cls.beside or cls

    def on_start(self) -> None:
        """Connect and start receiving. A failed connection is reported as a Locust failure."""
        # Raise nothing here: Locust would log a traceback for each user.
        try:
            self._connect()
        except WorkloadError as mistake:
            give_up(self.environment, mistake)

    def _connect(self) -> None:
        run = run_of(self.environment, self.room_class())
        if run is None:
            return
        self.room, self.has_room = run, True
        self.member = run.join(may_publish=self.may_publish)
        line, fault = self._open()
        if line is not None and fault is not None:
            run.not_connected(line, fault)

    def connect_again(self) -> None:
        """Try once to connect, as a new member, after the connection has ended or could not be opened.

        Raises:
            StopUser: the test has ended, or the user has no target.
        """
        if not self.has_room or self.room.recorder.end_ns:
            raise StopUser
        if self.room.members[self.member].left_ns:
            self.line, self.member = None, self.room.join(replaces=self.member)
        line, fault = self._open()
        if line is not None and fault is not None:
            self.room.not_back(line, fault)

    def _open(self) -> tuple[GeventConnection | None, Exception | None]:
        """Open the connection of the member, and let it join. Returns the connection, and why it could not be opened.

        There is no connection if the member could not be prepared.
        """
        run, workload = self.room, self.room.workload
        refusal = prepared(workload, self.member, run.endpoint.http_url) if workload.has_prepare else ""
        if refusal:
            run.left(self.member, Departure.REFUSED)
            run.stats.fail("prepare", ConnectionError(f"the member {refusal}"))
            return None, None
        endpoint = member_endpoint(run.endpoint, workload, self.member)
        seed = run.first_publisher + self.member
        line = GeventConnection(self.member, endpoint, run.receiver, seed=seed, receive_buffer=self.receive_buffer)
        began_ns = monotonic_ns()
        try:
            response = line.open()
        except WsproofError as error:
            return line, error
        except BaseException:  # Locust stopped this user during the connect
            run.left(self.member, Departure.CLOSED)
            line.abort()
            raise
        if response.status != 101:
            reason = f"the handshake was answered with {response.status}. {self._advice(response)}"
            return line, ConnectionError(reason)
        self.line = line
        run.connected(line, monotonic_ns() - began_ns)
        return line, None

    def _advice(self, response: Any) -> str:
        is_handed = session_of(self.environment).handed.endpoint is not None
        advice = advice_on_refusal(response.describe())
        return advice if is_handed else as_locust_says(advice)

    def on_stop(self) -> None:
        """Leave the channel and close the connection."""
        if self.line is not None:
            # Record the departure first: other members may receive a notice of it before `close` returns.
            self.room.left(self.member, Departure.CLOSED)
            self.line.close(CLOSE_SECONDS)

    @task
    def stay(self) -> None:
        """Stay connected; the workload run publishes and receives."""
        if self.line is not None:
            self.behave(self.line)
        if self.line is None or self.line.gone.is_set():
            self.on_connection_gone()

    def behave(self, line: GeventConnection) -> None:
        """Wait for a while, or until the connection is gone. A subclass may do something else meanwhile."""
        line.gone.wait(STAY_SECONDS)

    def on_connection_gone(self) -> None:
        """End this user: its connection is gone, or could not be opened. A subclass may do something else."""
        raise StopUser
