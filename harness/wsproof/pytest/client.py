"""`ws_client`: a plain WebSocket client for tests. Every wait has a timeout, and every frame is audited.

    def test_everybody_hears(ws_client):
        alice, bob = ws_client("/ws/alice"), ws_client("/ws/bob")
        alice.send("hello")
        assert bob.receive() == "hello"

All calls block. The server is another process, so an async test may use them as they are, or in a thread
(`await asyncio.to_thread(bob.receive)`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from wsproof.pytest.frame_log import LoggedClient
from wsproof.wire import BinaryMessage, Event, PongReceived, State, TextMessage
from wsproof.wire.handshake import Response


class WsClient:
    """One open connection. Made by `ws_client`, which also closes it at the end of the test."""

    def __init__(self, connection: LoggedClient, name: str) -> None:
        self._connection = connection
        self._name = name
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<{self._name}, {self._state()}>"

    @property
    def response(self) -> Response:
        """The server's response to the handshake, with `status` and `header(NAME)`."""
        assert self._connection.peer.response is not None
        return self._connection.peer.response

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose; None without one."""
        return self.response.header("Sec-WebSocket-Protocol")

    @property
    def is_open(self) -> bool:
        """Whether neither side has begun to close the connection, as far as this client has read."""
        return self._connection.peer.state is State.OPEN

    def send(self, message: str | bytes) -> None:
        """Send a text message, or bytes as a binary message.

        Raises:
            AssertionError: the connection is not open, or the server does not read within the timeout.
        """
        __tracebackhide__ = True
        send = self._connection.send_text if isinstance(message, str) else self._connection.send_binary
        if not send(message):  # type: ignore[arg-type]  # the method that takes this type was chosen above
            self._fail("could not send a message")

    def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text message, as `send` does."""
        __tracebackhide__ = True
        self.send(json.dumps(value))

    def receive(
        self, matching: Callable[[str | bytes], bool] | None = None, *, timeout_s: float | None = None
    ) -> str | bytes:
        """Return the next message: `str` for a text message, `bytes` for a binary one.

        With `matching`, return the first message for which it is true. The others can still be received afterwards.

        Raises:
            AssertionError: no such message comes within the timeout (10 s unless `timeout_s` says otherwise).
        """
        __tracebackhide__ = True

        def fits(event: Event) -> bool:
            message = _message_of(event)
            return message is not None and (matching is None or matching(message))

        event = self._connection.wait_event(fits, timeout_s)
        if event is None:
            self._fail_to_wait("a message" if matching is None else "a matching message", timeout_s)
        message = _message_of(event)
        assert message is not None
        return message

    def receive_json(self, matching: Callable[[Any], bool] | None = None, *, timeout_s: float | None = None) -> Any:
        """Return the next message that is JSON, decoded. With `matching`, the first one for which it is true.

        Raises:
            AssertionError: no such message comes within the timeout.
        """
        __tracebackhide__ = True

        def fits(message: str | bytes) -> bool:
            try:
                value = json.loads(message)
            except ValueError:
                return False
            return matching is None or matching(value)

        return json.loads(self.receive(fits, timeout_s=timeout_s))

    def received(self) -> list[str | bytes]:
        """Return the messages that have arrived and were not received yet, without waiting for more.

        It proves nothing about messages on their way. Call it after an answer that must follow them, such as that of
        `ping`.
        """
        self._connection.receive_nowait()
        messages: list[str | bytes] = []
        while (event := self._connection.wait_event(lambda event: _message_of(event) is not None, 0.0)) is not None:
            message = _message_of(event)
            assert message is not None
            messages.append(message)
        return messages

    def ping(self, payload: bytes = b"wsproof", *, timeout_s: float | None = None) -> None:
        """Send a ping and wait for its pong.

        Raises:
            AssertionError: no pong with this payload comes within the timeout.
        """
        __tracebackhide__ = True
        if not self._connection.send_ping(payload, timeout_s):
            self._fail("could not send a ping")
        if self._connection.wait_event(lambda event: event == PongReceived(payload), timeout_s) is None:
            self._fail_to_wait("a pong", timeout_s)

    def wait_closed(self, *, timeout_s: float | None = None) -> int | None:
        """Wait until the server ends the connection. Return its close code; None without a close frame or a code.

        Raises:
            AssertionError: the server does not close TCP within the timeout.
        """
        __tracebackhide__ = True
        if not self._connection.wait_end(timeout_s):
            self._fail_to_wait("the server to end the connection", timeout_s)
        close = self._connection.peer.close_received
        return close[0] if close is not None else None

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Do the closing handshake. Further calls do nothing.

        Raises:
            AssertionError: the server does not finish the closing handshake within the timeout.
        """
        __tracebackhide__ = True
        if self._is_closed:
            return
        self._is_closed = True
        if not self._connection.close(code, reason):
            self._fail("could not finish the closing handshake")

    def reset(self) -> None:
        """End the connection by a TCP reset, as a crashed machine does."""
        self._is_closed = True
        self._connection.reset()

    def stop_reading(self) -> None:
        """Stop reading, as a slow client does. Arriving data stays in the receive buffer."""
        self._connection.stop_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._connection.resume_reading()

    def _fail_to_wait(self, expected: str, timeout_s: float | None) -> NoReturn:
        __tracebackhide__ = True
        if self._connection.ended:
            self._fail(f"expected {expected}, but the connection ended first")
        seconds = self._connection.deadline_s if timeout_s is None else timeout_s
        self._fail(f"expected {expected} within {seconds:g} s, but it did not come")

    def _fail(self, problem: str) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(f"{self._name}: {problem}; {self._state()}")

    def _state(self) -> str:
        close = self._connection.peer.close_received
        if close is not None:
            code = "no code" if close[0] is None else f"code {close[0]}"
            return f"the server sent a close frame with {code}" + (f" {close[1]!r}" if close[1] else "")
        if self._connection.ended:
            verb = "reset" if self._connection.was_reset else "closed"
            return f"the server {verb} TCP without a close frame"
        return "the connection is open" if self.is_open else f"the connection is {self._connection.peer.state.value}"


def _message_of(event: Event) -> str | bytes | None:
    if isinstance(event, TextMessage):
        return event.text
    return event.data if isinstance(event, BinaryMessage) else None
