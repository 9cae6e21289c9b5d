"""A client with a thread that reads and answers pings, whatever the caller does."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from wsproof.errors import TargetError
from wsproof.net.client import Client
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.wire import CloseReceived, Frame, PingReceived, PongReceived, State
from wsproof.wire.handshake import Response

__all__ = ["BackgroundClient"]


class BackgroundClient:
    """One connection that a background thread serves.

    The thread reads what the server sends at once, answers where the protocol requires it, and drops it. The thread
    lives from `open` to `abort`. Methods may be called from one other thread.
    """

    def __init__(self, endpoint: Endpoint, deadline_s: float) -> None:
        self._client = Client(endpoint, deadline_s=deadline_s)
        self._changed = threading.Condition()
        self._answers = 0
        self._close: CloseReceived | None = None
        self._is_stopped = False
        self._wake_read, self._wake_write = -1, -1
        self._thread: threading.Thread | None = None

    def open(self, begin: Callable[[Client], object] | None = None) -> Response:
        """Do the opening handshake. After a 101 response, and after `begin`, the thread takes over.

        Raises:
            TargetError: the TCP connection failed, or there was no response.
        """
        try:
            response = self._client.open()
        except TargetError:
            self._client.abort()
            raise
        if response.status == 101:
            if begin is not None:
                begin(self._client)
            self._client.flush()  # the server may have sent pings together with the 101
            self._note_events()
            self._wake_read, self._wake_write = os.pipe()
            self._thread = threading.Thread(target=self._serve, name="wsproof-background-client", daemon=True)
            self._thread.start()
        else:
            self._client.abort()
        return response

    def send(self, message: Frame) -> None:
        """Send a message if the connection is open."""
        with self._changed:
            if self._client.peer.state is State.OPEN:
                self._client.peer.send_frame(message)
                self._client.flush()

    def answers_ping(self, payload: bytes, wait_s: float) -> bool:
        """Whether the server answers a ping within `wait_s`.

        A pong with a wrong payload counts as an answer, and so does a ping.
        """
        with self._changed:
            if self._client.peer.state is not State.OPEN:
                return False
            before, deadline = self._answers, Deadline.after(wait_s)
            self._client.send_ping(payload, wait_s)
            self._note_events()
            while self._answers == before and not self.ending and self._wait_change(deadline.remaining_s):
                pass
            return self._answers > before

    @property
    def is_unanswered(self) -> bool:
        """Whether the handshake has no answer, though the server has not ended TCP."""
        return self._client.peer.state is State.CONNECTING and not self._client.ended

    @property
    def answers(self) -> int:
        """Number of pongs and pings received."""
        return self._answers

    @property
    def ending(self) -> str:
        """The way in which the server ended the connection, as a clause; empty while it is open."""
        if self._close is not None:
            code = "no code" if self._close.code is None else f"code {self._close.code}"
            reason = f" {self._close.reason!a}" if self._close.reason else ""
            return f"sent a close frame with {code}{reason}"
        if self._client.was_reset:
            return "reset TCP"
        return "ended TCP" if self._client.ended else ""

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame; None without a close frame or without a code."""
        return self._close.code if self._close is not None else None

    def close(self, wait_s: float) -> None:
        """Do the closing handshake, for at most `wait_s`, then close the socket."""
        with self._changed:
            deadline = Deadline.after(wait_s)
            if self._client.peer.state is State.OPEN:
                self._client.peer.send_close(1000, "")
                self._client.flush(wait_s)
            while self._thread is not None and not self._client.ended and self._wait_change(deadline.remaining_s):
                pass
        self.abort()

    def abort(self) -> None:
        """Close the socket and end the thread. Further calls do nothing."""
        if self._thread is not None:
            with self._changed:
                self._is_stopped = True
            os.write(self._wake_write, b"!")
            self._thread.join()
            self._thread = None
            os.close(self._wake_read)
            os.close(self._wake_write)
        self._client.abort()

    def _wait_change(self, timeout_s: float) -> bool:
        """Wait until the thread has read something; False at the timeout. The caller holds the lock."""
        return self._changed.wait(timeout_s)

    def _serve(self) -> None:
        """Read until the server closes TCP or `abort` is called."""
        poll = select.poll()
        poll.register(self._client.fileno(), select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            poll.poll()
            with self._changed:
                if self._is_stopped:
                    return
                is_open = self._client.receive_nowait()
                self._note_events()
                self._changed.notify_all()
                if not is_open:
                    return

    def _note_events(self) -> None:
        for event in self._client.take_events():
            if isinstance(event, PongReceived | PingReceived):
                self._answers += 1
            elif isinstance(event, CloseReceived):
                self._close = event
