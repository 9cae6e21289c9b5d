"""A Locust user that speaks a workload: connects, publishes at intended times, listens, and reports all to its room."""

from __future__ import annotations

from time import monotonic_ns
from typing import Any

import gevent
from gevent.socket import wait_read
from locust import User, task
from locust.exception import StopUser

from wsproof.errors import WsproofError
from wsproof.locust.rooms import room_of
from wsproof.model.history import Departure, Outcome
from wsproof.model.plan import NS
from wsproof.net.client import Client
from wsproof.wire import BinaryMessage, State, TextMessage

LISTEN_SECONDS = 1.0


class ChannelUser(User):
    """A member of a channel. Subclass it and name a workload; all users of the class share one room.

    `room_rate_hz` is publications per second of all users together: one room is quadratic, so the rate of a room, not
    of a user, is what stays the same when users are added.
    """

    abstract = True
    workload_name = "chat"
    room_rate_hz = 20.0
    payload_bytes = 120

    def on_start(self) -> None:
        """Connect and begin to listen. A connection that cannot be had is a failure, and stops this user."""
        self.room = room_of(self.environment, type(self))
        self.member = self.room.join()
        self.stopping = False
        endpoint = self.room.endpoint.at(self.room.workload.path(self.member))
        self.client = Client(endpoint, seed=self.room.first_publisher + self.member, deadline_s=10.0)
        began_ns = monotonic_ns()
        try:
            response = self.client.open()
        except WsproofError as error:
            self._could_not_connect(error)
        if response.status != 101:
            self._could_not_connect(ConnectionError(f"the handshake was answered with {response.status}"))
        now_ns = monotonic_ns()
        self.room.connected(self.member, now_ns - began_ns, now_ns)
        greeting = self.room.workload.greeting(self.member)
        if greeting is not None:
            self._send(greeting)
        self.listener = gevent.spawn(self._listen)

    def _could_not_connect(self, error: Exception) -> None:
        self.room.left(self.member, Departure.REFUSED, None)
        self.environment.events.request.fire(
            request_type="WS",
            name=f"{self.room.workload.name}: connect",
            response_time=0,
            response_length=0,
            exception=error,
            context={},
        )
        raise StopUser

    def on_stop(self) -> None:
        """Say goodbye."""
        self.stopping = True
        listener: Any = getattr(self, "listener", None)
        if listener is not None:
            listener.kill()
            self.client.close(deadline_s=2.0)
            self.room.left(self.member, Departure.CLOSED, None)

    @task
    def speak(self) -> None:
        """Publish at the next intended time of the room; a feed's viewer only listens."""
        if not self.room.workload.publishes or self.room.closing:
            gevent.sleep(LISTEN_SECONDS)
            return
        intended_ns = self.room.slots.take(monotonic_ns())
        gevent.sleep(max((intended_ns - monotonic_ns()) / NS, 0))
        if not self.room.closing:
            self._publish(intended_ns)

    def _publish(self, intended_ns: int) -> None:
        sequence, message = self.room.seal(self.member, intended_ns)
        sent_ns = monotonic_ns()
        outcome = Outcome.OK if self._send(message) else Outcome.FAILED
        self.room.published(self.member, sequence, intended_ns, sent_ns if outcome is Outcome.OK else 0, outcome)
        self._take_in()

    def _send(self, message: str | bytes) -> bool:
        if self.client.ended or self.client.peer.state is not State.OPEN:
            return False
        return self.client.send_text(message) if isinstance(message, str) else self.client.send_binary(message)

    def _listen(self) -> None:
        # gevent's own wait costs half of what a poll object under its monkey-patched select does.
        while not self.client.ended:
            wait_read(self.client.fileno())
            self.client.receive_nowait()
            self._take_in()
        if not self.stopping:
            closed = self.client.peer.close_received
            self.room.left(self.member, Departure.DROPPED, closed[0] if closed else None)

    def _take_in(self) -> None:
        """Hand everything that was read to the room, each with the time at which it was read."""
        client = self.client
        for event, at_ns in zip(client.events, client.event_times_ns, strict=True):
            if isinstance(event, TextMessage | BinaryMessage):
                self.room.heard(self.member, event, at_ns)
        client.take_events()
        for breach in client.peer.breaches:
            self.room.breach(self.member, breach)
        client.peer.breaches.clear()
