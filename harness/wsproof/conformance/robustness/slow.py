"""Slow client tests: others are served while a client is slow with its handshake or with reading."""

from __future__ import annotations

import contextlib
import select
import socket

from wsproof.conformance.exchange.segment_barrier import SegmentBarrier
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.model.suite import Figure
from wsproof.net.clock import Deadline
from wsproof.net.connect import connect_socket
from wsproof.wire import MASK, Frame, Opcode

__all__ = ["TESTS"]

_KEY = "d3Nwcm9vZi1zbG93bHkhIQ=="
_SLOW = 10
"""Number of clients with a slow handshake."""
_RECEIVE_BUFFER = 4096
"""Receive buffer in bytes of the client that does not read."""
_PAYLOAD = b"unread-" * 17 + b"-ping!"
_STEPS = 4
"""Number of parts in which the client sends the pings."""
_PINGS = 48_000
"""Number of pings after which it is certain that the server never stops reading."""
_MOMENT_S = 0.05
"""Seconds to wait until the server reads on."""
_BYSTANDER_PONGS = 5
"""Pongs to the bystander after which the server has stopped reading from this client."""
_BYTES = 600
"""Number of bytes that the client reads one by one."""
_FLOOD = 3.0
"""Time limit for a slow server to read the pings, as a multiple of the deadline."""
_KEPT_SHARE = 0.25
"""Share of the accepted bytes that may stay in memory. The kernel buffers some megabytes of them for the server, a
bounded amount."""


def _slow_handshake(context: RobustnessContext) -> RobustnessOutcome:
    """Some clients send part of a handshake and wait; one sends it byte by byte."""
    outcome = RobustnessOutcome(connections=_SLOW)
    name = "served-despite-slow-handshake"
    request = context.endpoint.request(_KEY).encode()
    socks: list[socket.socket] = []
    try:
        for number in range(_SLOW):
            context.budget.check()
            sock = connect_socket(context.endpoint, context.deadline_s)
            socks.append(sock)
            sock.sendall(request[: (number + 1) * (len(request) - 4) // _SLOW])
        outcome.lines.append(
            f"-> {_SLOW} clients send between a tenth and all but the end of their handshake, and wait"
        )
        served = context.all_served()
        for at in range(len(request) // _SLOW, len(request), 16):
            if not served:
                break
            context.budget.check()
            with contextlib.suppress(OSError):
                socks[0].sendall(request[at : at + 1])
            served = context.bystander_served()
    finally:
        for sock in socks:
            sock.close()
    if not served:
        actual = "while some clients had not finished their handshake, an old or a new one got no answer to a ping"
        outcome.report_violation(name, "other clients to be served", actual)
    return outcome


def _slow_reader(context: RobustnessContext) -> RobustnessOutcome:
    """A client sends pings without end and reads nothing, then reads byte by byte."""
    outcome = RobustnessOutcome(connections=1)
    sock = connect_socket(context.endpoint, context.deadline_s, _RECEIVE_BUFFER)
    try:
        sock.sendall(context.endpoint.request(_KEY).encode())
        sock.settimeout(context.budget.at_most(context.deadline_s))
        head = b""
        while b"\r\n\r\n" not in head and (more := sock.recv(1)):
            context.budget.check()
            head += more
        _flood(context, outcome, sock)
        _read_slowly(context, outcome, sock)
    except OSError as error:
        outcome.note(f"the server ended the connection: {error.strerror}")
    finally:
        sock.close()
    if not context.all_served():
        outcome.report_violation(
            "served-despite-slow-reader", "other clients to be served", "afterwards one client was not"
        )
    return outcome


def _flood(context: RobustnessContext, outcome: RobustnessOutcome, sock: socket.socket) -> None:
    """Send until the server stops reading, as it should, or has read so much that it clearly never stops."""
    ping = Frame(Opcode.PING, _PAYLOAD, mask=MASK).encode()
    before = context.meter.private_bytes() if context.meter is not None else None
    sent, blocked, until = 0, False, Deadline.after(_FLOOD * context.deadline_s)
    with SegmentBarrier() as kernel:
        while sent < len(ping) * _PINGS and not blocked:
            context.budget.check()
            if until.passed:
                outcome.note(
                    f"the server was slow: it took {sent:,} bytes of pings in {_FLOOD * context.deadline_s:g} s"
                )
                return
            took = _send_until_blocked(context, kernel, sock, ping * (_PINGS // _STEPS), until)
            blocked = took < len(ping) * (_PINGS // _STEPS) and not until.passed
            sent += took
            if not _served(context, outcome, f"while a client did not read the answers to {sent:,} bytes of pings"):
                return
        if not blocked:
            _wait_until_read(context, kernel, sock)
        taken = sent - (kernel.unread(sock.fileno()) or 0)
    outcome.lines.append(f"-> pings with {len(_PAYLOAD)} bytes, {sent:,} bytes in all; the client reads nothing")
    outcome.note("then the server stopped reading" if blocked else f"the server read {taken:,} bytes of them")
    after = context.meter.private_bytes() if context.meter is not None else None
    if before is None or after is None or not taken:
        return
    held = (after - before) / taken
    outcome.figures.append(Figure("memory held", max(0.0, held), "B a byte sent"))
    if not blocked and held >= _KEPT_SHARE:
        sent_pings = f"{taken / 1e6:.1f} MB of pings whose answers the client did not read"
        actual = f"it held {(after - before) / 1e6:.1f} MB of {sent_pings}"
        outcome.report_violation(
            "send-buffer-bounded", "the server to stop reading from a client that does not read", actual
        )


def _send_until_blocked(
    context: RobustnessContext, kernel: SegmentBarrier, sock: socket.socket, data: bytes, until: Deadline
) -> int:
    """Send until the server reads no more, or until `until`. Returns the number of bytes sent."""
    sock.settimeout(0.0)
    at = 0
    while at < len(data) and not until.passed:
        try:
            at += sock.send(data[at : at + 65_536])
        except BlockingIOError:
            if not _reads_on(context, kernel, sock):
                break
    return at


def _reads_on(context: RobustnessContext, kernel: SegmentBarrier, sock: socket.socket) -> bool:
    """Whether the server keeps reading. It does not if the bystander was served several times while nothing was read.

    Each pong to the bystander shows that the server ran and could have read.
    """
    before = kernel.unread(sock.fileno())
    for _ in range(_BYSTANDER_PONGS):
        writable = bool(select.select([], [sock], [], _MOMENT_S)[1])
        if not context.bystander_served():
            return False  # The caller's next question to the bystander reports this.
        if writable if before is None else kernel.unread(sock.fileno()) != before:
            return True
    return False


def _wait_until_read(context: RobustnessContext, kernel: SegmentBarrier, sock: socket.socket) -> None:
    """Wait until the server has read everything that was sent, or reads no more."""
    while kernel.unread(sock.fileno()) and _reads_on(context, kernel, sock):
        context.budget.check()


def _read_slowly(context: RobustnessContext, outcome: RobustnessOutcome, sock: socket.socket) -> None:
    sock.settimeout(context.budget.at_most(context.deadline_s))
    for number in range(_BYTES):
        context.budget.check()
        if not sock.recv(1):
            return
        if number % 100 == 99 and not _served(context, outcome, "while a client read byte by byte"):
            return


def _served(context: RobustnessContext, outcome: RobustnessOutcome, when: str) -> bool:
    if context.bystander_served():
        return True
    actual = f"{when}, another one got no answer to a ping"
    outcome.report_violation("served-despite-slow-reader", "other clients to be served", actual)
    return False


TESTS: tuple[RobustnessTest, ...] = (
    RobustnessTest("served-despite-slow-handshake", _slow_handshake),
    RobustnessTest("served-despite-slow-reader", _slow_reader),
)
