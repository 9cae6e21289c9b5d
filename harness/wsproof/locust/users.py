"""A Locust user that is a member of a channel. It connects, publishes on schedule, receives, and leaves."""

from __future__ import annotations

import os
from time import monotonic_ns

from locust import User, task
from locust.exception import StopUser

from wsproof.errors import WorkloadError, WsproofError
from wsproof.locust.connection import GeventConnection
from wsproof.locust.mistakes import give_up
from wsproof.locust.registry import ENDPOINT, room_of
from wsproof.model.history import Departure
from wsproof.wire.advice import advice_on_refusal
from wsproof.workloads import prepared

STAY_SECONDS = 1.0
"""Seconds that one run of the task `stay` waits for the end of the connection."""
CLOSE_SECONDS = 2.0
"""Timeout in seconds for the server to end the connection after the close frame."""


class ChannelUser(User):
    """A member of a channel. Subclass it and name a workload; all users of the class share one WorkloadRun.

    `room_rate_hz` is publications per second of all users together. Deliveries grow with publications times users, so
    this rate, not that of a user, stays the same when users are added. The run's pacer lets the members publish in
    turn. With several Locust workers, each worker publishes at this rate.
    """

    abstract = True
    workload_name = "chat"
    room_rate_hz = 20.0
    payload_bytes = 120
    line: GeventConnection | None = None

    def on_start(self) -> None:
        """Connect and start receiving. A failed connection is reported as a Locust failure and ends this user."""
        # Raise nothing here: Locust would log a traceback for each user.
        try:
            self._connect()
        except WorkloadError as mistake:
            give_up(self.environment, mistake)

    def _connect(self) -> None:
        room = room_of(self.environment, type(self))
        if room is None:
            return
        self.room = room
        self.member = room.join()
        workload = room.workload
        refusal = prepared(workload, self.member, room.endpoint.http_url) if workload.has_prepare else ""
        if refusal:
            room.left(self.member, Departure.REFUSED)
            room.fail("prepare", ConnectionError(f"the member {refusal}"))
            return
        place = room.endpoint.numbered(workload.base + self.member).channel(workload.path(self.member))
        endpoint = place.with_own(workload.headers(self.member), workload.subprotocols(self.member))
        line = GeventConnection(self.member, endpoint, room, seed=room.first_publisher + self.member)
        began_ns = monotonic_ns()
        fault: Exception | None = None
        try:
            response = line.open()
            if response.status != 101:
                advice = advice_on_refusal(response.describe())
                advice += "" if ENDPOINT in os.environ else " (Those are options of `wsproof load`.)"
                fault = ConnectionError(f"the handshake was answered with {response.status}. {advice}")
        except WsproofError as error:
            fault = error
        except BaseException:  # Locust stopped this user during the connect
            line.abort()
            room.left(self.member, Departure.CLOSED)
            raise
        if fault is not None:
            line.abort()
            room.left(self.member, Departure.REFUSED)
            room.fail("connect", fault)
            return
        self.line = line
        room.connected(line, monotonic_ns() - began_ns)

    def on_stop(self) -> None:
        """Leave the channel and close the connection."""
        if self.line is not None:
            # Record the departure first: other members may receive a notice of it before `close` returns.
            self.room.left(self.member, Departure.CLOSED)
            self.line.close(CLOSE_SECONDS)

    @task
    def stay(self) -> None:
        """Stay connected; the workload run publishes and receives. Ends the user when its connection is gone."""
        if self.line is None or self.line.gone.wait(STAY_SECONDS):
            raise StopUser
