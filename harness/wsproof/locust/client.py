"""The WebSocket client of a Locust user: connect, send, receive, each timed as a Locust request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic_ns
from typing import Any

import gevent
from gevent.queue import Empty, Queue
from locust.exception import RescheduleTask

from wsproof.errors import UsageError
from wsproof.locust.connection import GeventConnection
from wsproof.locust.options import as_locust_says
from wsproof.model.chapter import with_document
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Breach
from wsproof.wire.refusal import advice_on_refusal

METHOD = "WS"
NORMAL_CLOSE = 1000
"""The close code of a server that has finished (RFC 6455, section 7.4.1)."""
OnMessage = Callable[["str | bytes"], None]


class ConnectionEnded(RescheduleTask):
    """The connection has ended, so that nothing can be sent or received. In a task, it ends only the task."""


class ReceiveTimeout(RescheduleTask):
    """No message arrived within the timeout. In a task, this exception ends only the task."""


class WebSocketClient:
    """One connection at a time. `fire` is the `fire` of Locust's request event.

    A failure is reported as a Locust failure and raised, as `requests` does with `raise_for_status`.
    """

    def __init__(self, endpoint: Endpoint, fire: Callable[..., None], on_message: OnMessage | None = None) -> None:
        self._endpoint = endpoint
        self._fire = fire
        self._on_message = on_message
        self._connection: GeventConnection | None = None
        self._received: Queue[tuple[str | bytes, int] | None] = Queue()
        self._reader: Any = None
        self._name = ""
        self.close_code: int | None = None
        """The close code of the server, once it has ended the connection; None without a close frame."""
        self._is_cut = False
        """Whether the server has ended the connection before it had finished, and no failure says so yet."""
        self._has_ended = False

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent."""
        return self._connection is not None and not self._connection.gone.is_set()

    def connect(self, path: str = "/", *, name: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Open a connection at the path. `name` is the request's name in Locust's tables (default: the path).

        Raises:
            ConnectionError: the server refuses the handshake.
            WsproofError: no server answers.
        """
        self.close()
        self._name, self._received, self.close_code = name or path, Queue(), None
        self._has_ended = False
        endpoint = self._endpoint.channel(path).with_own(headers or {}, ())
        connection = GeventConnection(0, endpoint, _Mailbox(self), seed=monotonic_ns())
        began_ns = monotonic_ns()
        try:
            response = connection.open()
            if response.status != 101:
                advice = as_locust_says(advice_on_refusal(response.describe()))
                raise ConnectionError(f"the handshake was answered with {response.status}. {advice}")
        except BaseException as fault:
            connection.abort()
            if isinstance(fault, Exception):
                self._report("connect", began_ns, fault=fault)
            raise
        self._report("connect", began_ns)
        self._connection = connection
        connection.listen()
        if self._on_message is not None:
            self._reader = gevent.spawn(self._read_on, self._on_message, self._received)

    def send(self, message: str | bytes) -> None:
        """Send a message. The time that Locust shows is the time to hand it over.

        Raises:
            ConnectionEnded: there is no connection any more.
        """
        began_ns = monotonic_ns()
        if self._connection is None or not self._connection.send(message):
            fault = self._end_of_connection()
            self._report("send", began_ns, fault=fault)
            raise fault
        self._report("send", began_ns, _size(message))

    def recv(self, timeout_s: float = 10.0) -> str | bytes:
        """The next message. The time that Locust shows is the time since this call, or 0 if it was there before.

        Raises:
            ReceiveTimeout: no message arrived in time.
            ConnectionEnded: the connection has ended.
        """
        if self._on_message is not None:
            raise UsageError("this user has on_message, which gets every message: do not call recv, or leave it out")
        began_ns = monotonic_ns()
        try:
            message, at_ns = self._next(timeout_s)
        except (ReceiveTimeout, ConnectionEnded) as failed:
            self._report("recv", began_ns, fault=failed)
            raise
        self._report("recv", began_ns, _size(message), ended_ns=max(at_ns, began_ns))
        return message

    def ask(self, message: str | bytes, timeout_s: float = 10.0, *, name: str = "ask") -> str | bytes:
        """Send a message and return the next one: one request, timed from the send to the arrival of the answer.

        Raises:
            ReceiveTimeout: no answer arrived in time.
            ConnectionEnded: the connection has ended.
        """
        began_ns = monotonic_ns()
        try:
            if self._connection is None or not self._connection.send(message):
                raise self._end_of_connection()
            answer, at_ns = self._next(timeout_s)
        except (ReceiveTimeout, ConnectionEnded) as failed:
            self._report(name, began_ns, fault=failed)
            raise
        self._report(name, began_ns, _size(answer), ended_ns=max(at_ns, began_ns))
        return answer

    def close(self, timeout_s: float = 2.0) -> None:
        """Close the connection, if there is one.

        If the server has ended it with another code than 1000, and no call has noticed that, it is a failure now.
        """
        self._report_cut()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(timeout_s)
        if self._reader is not None:
            self._reader.kill(block=False)
            self._reader = None

    def _next(self, timeout_s: float) -> tuple[str | bytes, int]:
        try:
            received = self._received.get(timeout=timeout_s)
        except Empty:
            raise ReceiveTimeout(f"no message arrived within {timeout_s:g} s") from None
        if received is None:
            self._received.put(None)  # for the next call
            raise self._end_of_connection()
        message, at_ns = received
        return message, at_ns

    def _read_on(self, on_message: OnMessage, received: Queue[tuple[str | bytes, int] | None]) -> None:
        while (item := received.get()) is not None:
            on_message(item[0])

    def _end_of_connection(self) -> ConnectionEnded:
        """The exception for a call that needs a connection. It reports the end itself."""
        self._is_cut = False
        if not self._has_ended:
            return ConnectionEnded("there is no connection: call connect first")
        end = "without a close frame" if self.close_code is None else f"with close code {self.close_code}"
        return ConnectionEnded(f"the server ended the connection {end}")

    def _end(self, close_code: int | None) -> None:
        """Take the end of the connection by the server."""
        self.close_code, self._has_ended, self._is_cut = close_code, True, close_code != NORMAL_CLOSE
        self._received.put(None)
        if self._on_message is not None:  # such a user makes no call that would notice the end
            self._report_cut()

    def _report_cut(self) -> None:
        if self._is_cut:
            now_ns = monotonic_ns()
            self._report("connection", now_ns, fault=self._end_of_connection(), ended_ns=now_ns)

    def _report(
        self,
        operation: str,
        began_ns: int,
        size: int = 0,
        *,
        fault: Exception | None = None,
        ended_ns: int | None = None,
    ) -> None:
        milliseconds = ((ended_ns or monotonic_ns()) - began_ns) / 1e6
        self._fire(
            request_type=METHOD,
            name=f"{self._name}: {operation}" if self._name else operation,
            response_time=milliseconds,
            response_length=size,
            exception=fault,
            context={},
        )


def _size(message: str | bytes) -> int:
    return len(message.encode() if isinstance(message, str) else message)


class _Mailbox:
    """The listener of a client's connection. None of these methods may block."""

    def __init__(self, client: WebSocketClient) -> None:
        self._client = client
        self._received = client._received

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        """Put a message into the queue."""
        self._received.put((payload.decode() if is_text else payload, now_ns))
        return 1

    def unexpected(self, member: int, text: str, now_ns: int) -> None:
        """Report input that is not a valid message as a failure."""
        self._client._report("message", now_ns, fault=ConnectionError(text), ended_ns=now_ns)

    def breach(self, member: int, breach: Breach) -> None:
        """Report a violation of the protocol as a failure."""
        now_ns = monotonic_ns()
        fault = ConnectionError(f"{with_document(breach.section)}: {breach.sentence}")
        self._client._report("protocol", now_ns, fault=fault, ended_ns=now_ns)

    def interval(self, row: tuple[int, int, int, int]) -> None:
        """Do nothing: a client times single messages and does not check their order."""

    def queued(self, row: tuple[int, int, int]) -> None:
        """Do nothing: the fill level of the receive buffer is not recorded."""

    def ended(self, member: int, close_code: int | None) -> None:
        """Tell a waiting task that the server has ended the connection."""
        self._client._end(close_code)

    def crashed(self, member: int, fault: Exception) -> None:
        """Report a crash of wsproof as a failure."""
        now_ns = monotonic_ns()
        self._client._report("wsproof crashed", now_ns, fault=fault, ended_ns=now_ns)
        self._received.put(None)
