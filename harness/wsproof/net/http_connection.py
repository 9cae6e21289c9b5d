"""A persistent HTTP connection to an endpoint, one request at a time, for publications over HTTP.

It never blocks except to connect. The delivery suite polls it beside its members, and Locust's greenlets wait for it.
"""

from __future__ import annotations

import select
import socket
import ssl

from wsproof.errors import TargetError
from wsproof.model.outside_call import PublishAnswer
from wsproof.net.clock import Deadline
from wsproof.net.connect import connect_socket
from wsproof.net.endpoint import Endpoint, clean_path
from wsproof.wire.http_request import HttpRequest
from wsproof.wire.http_response import HttpResponseReader

_READ_BYTES = 65_536
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def encode_request(request: HttpRequest, endpoint: Endpoint) -> bytes:
    """Return the bytes of a request to this endpoint, with the headers of the endpoint."""
    lines = {"Host": endpoint.host_header, **dict(endpoint.headers)}
    if endpoint.origin is not None:
        lines.setdefault("Origin", endpoint.origin)
    return request.encode(clean_path(request.path), lines)


def answer_of(reader: HttpResponseReader) -> PublishAnswer:
    """Return the answer that was read: the status with the beginning of the body, or why there is none."""
    response = reader.response
    if response is None or reader.fault:
        return PublishAnswer(reader.fault or "the server did not answer")
    status = f"HTTP {response.status} {response.reason}".strip()
    excerpt = " ".join(reader.excerpt.split())
    return PublishAnswer.of_status(
        response.status, status if response.status < 300 or not excerpt else f"{status}: {excerpt}"
    )


class HttpConnection:
    """One connection, opened and reopened on demand. Call `begin`, then `advance` until it returns an answer."""

    def __init__(self, endpoint: Endpoint, *, deadline_s: float = 5.0) -> None:
        self._endpoint = endpoint
        self._deadline_s = deadline_s
        self._socket: socket.socket | None = None
        self._reader: HttpResponseReader | None = None
        self._unsent = bytearray()

    @property
    def is_busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self._reader is not None

    def fileno(self) -> int:
        """Return the file descriptor of the socket, for the caller's own poll."""
        assert self._socket is not None
        return self._socket.fileno()

    def begin(self, request: HttpRequest) -> None:
        """Send a request.

        Raises:
            TargetError: the server cannot be reached.
        """
        if self._socket is None or _has_ended(self._socket):
            self.close()
            self._socket = connect_socket(self._endpoint, self._deadline_s)
            self._socket.settimeout(0.0)
        self._reader = HttpResponseReader(request.method)
        self._unsent[:] = encode_request(request, self._endpoint)
        self._write()

    def advance(self) -> PublishAnswer | None:
        """Write and read what is possible now. Returns the answer once it is complete."""
        reader = self._reader
        assert reader is not None
        assert self._socket is not None
        self._write()
        try:
            while not (reader.is_complete or reader.fault):
                data = self._socket.recv(_READ_BYTES)
                if data:
                    reader.feed(data)
                else:
                    reader.feed_eof()
        except _WOULD_BLOCK:
            return None
        except OSError:
            reader.feed_eof()
        self._reader = None
        if not reader.is_reusable:
            self.close()
        return answer_of(reader)

    def exchange(self, request: HttpRequest) -> PublishAnswer:
        """Send a request and wait for its answer, at most the timeout. Never raises."""
        try:
            self.begin(request)
        except TargetError as error:
            return PublishAnswer(str(error))
        deadline = Deadline.after(self._deadline_s)
        while (answer := self.advance()) is None:
            poll = select.poll()
            poll.register(self.fileno(), select.POLLIN | (select.POLLOUT if self._unsent else 0))
            if not poll.poll(deadline.remaining_s * 1000) and deadline.passed:
                return self.give_up()
        return answer

    def give_up(self) -> PublishAnswer:
        """Stop waiting for the answer."""
        self.close()
        return PublishAnswer(f"the server did not answer within {self._deadline_s:g} s")

    def close(self) -> None:
        """Close the connection. A later `begin` opens another one."""
        self._reader = None
        self._unsent.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _write(self) -> None:
        assert self._socket is not None
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except _WOULD_BLOCK:
            return
        except OSError:  # the server has closed TCP: what it sent before is read next
            self._unsent.clear()


def _has_ended(sock: socket.socket) -> bool:
    """Whether the server has closed an idle connection, or sent unexpected data on it."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
