"""Connection churn: many short connections that all end in the same way."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.leak_slope import (
    MEMORY_LEAK_BYTES,
    ChurnRound,
    grows_steadily,
    leaked_bytes,
    leaked_fds,
)
from wsproof.errors import TargetError
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.connect import connect_socket, reset_on_close
from wsproof.wire import MASK, Frame, Opcode

__all__ = ["CHURN_ENDS", "Churn", "fitting_size", "run_churn"]

_KEY = "d3Nwcm9vZi1zdG9ybXMhIQ=="
_AT_ONCE = 25
"""Clients of one batch, which connect at the same time."""
_LEAST_CONNECT_S = 0.05
"""Least timeout in seconds of one connection."""
_ROUNDS = 5
"""Rounds of one churn, with the warm-up."""
_MORE_ROUNDS = 8
"""Further rounds that distinguish a memory leak from garbage that is not collected yet."""
_AFTER_FAILURE_S = 0.2
"""Timeout in seconds after a first missing answer or late release."""
_AFTER_OPEN_S = 0.01
"""Timeout in seconds for the end of TCP, after a first connection stayed open."""
_FEW = 2
"""Number of unanswered clients of a batch, or of late descriptors, that is ignored."""
_ROUNDS_TIMES = 1.2
"""Time limit for the rounds of one churn, as a multiple of the deadline. A slow server gets smaller rounds."""
_LONGEST_TIMES = 3.0
"""Time limit of one churn, as a multiple of the deadline."""
_FEWEST_ROUNDS = 3
"""Least number of rounds to report leaked descriptors."""
_LEAST_FOR_MEMORY = 40
"""Least connections in a round to distinguish a leak from the noise of the allocator."""


@dataclass(frozen=True, slots=True)
class ChurnEnd:
    """One way in which clients connect and leave.

    `request` makes their first bytes from a handshake, `leave` ends the connection. `action` is a clause for reports.
    """

    name: str
    action: str
    request: Callable[[bytes], bytes]
    leave: Callable[[socket.socket, int], None]
    answered: bool = True


@dataclass
class Churn:
    """The result of one churn: `rounds` (the first is the warm-up), and whether others were served until the end.

    `late_s`: seconds after which the server did release its file descriptors, though late.
    """

    end: ChurnEnd
    rounds: list[ChurnRound] = field(default_factory=list)
    served: bool = True
    connections: int = 0
    size: int = 0
    """Connections of each round after the warm-up."""
    lines: list[str] = field(default_factory=list)
    late_s: float | None = None
    was_cut: bool = False
    """Whether the time limit ended the churn before a garbage collector would have run."""
    keeps_open: bool = False
    """Whether a wait for the end of TCP timed out, so that later waits are short."""

    @property
    def fds(self) -> float | None:
        """File descriptors leaked per connection; None if there is no leak."""
        is_enough = len(self.rounds) >= _FEWEST_ROUNDS
        return leaked_fds(self.rounds) if is_enough and self.late_s is None else None

    @property
    def memory(self) -> float | None:
        """Bytes leaked per connection; None if no leak is certain."""
        is_enough = self.size >= _LEAST_FOR_MEMORY and not self.was_cut
        return leaked_bytes(self.rounds) if is_enough and grows_steadily(self.rounds) else None


def run_churn(context: RobustnessContext, end: ChurnEnd) -> Churn:
    """Run the churn. Its size depends on `context.examples` and on the server's speed.

    Raises:
        BudgetSpent: the time for the run is over.
    """
    asked = max(40, 8 * context.examples)
    churn = Churn(end, size=context.parameters.get("size", 0))
    allowed_s = _ROUNDS_TIMES * context.deadline_s
    begun_ns, at_last = now_ns(), Deadline.after(_LONGEST_TIMES * context.deadline_s)
    if not _round(context, churn, (churn.size or asked) // 2, Deadline.after(allowed_s / _ROUNDS)):
        return churn
    churn.size = churn.size or fitting_size(asked, churn.connections, (now_ns() - begun_ns) / 1e9, allowed_s)
    for _ in range(1, _ROUNDS):
        if at_last.passed or not _round(context, churn, churn.size, at_last):
            return churn
    if context.meter is None:
        return churn
    if leaked_fds(churn.rounds) is not None:
        _wait_late_release(context, churn)
    if leaked_bytes(churn.rounds) >= MEMORY_LEAK_BYTES:
        # This is more than the allocator explains: continue until a garbage collector would have run.
        at_last = Deadline.after(2 * _LONGEST_TIMES * context.deadline_s)
        for _ in range(_MORE_ROUNDS):
            churn.was_cut = at_last.passed
            if churn.was_cut or not _round(context, churn, 2 * churn.size, at_last):
                break
            if leaked_bytes(churn.rounds) < MEMORY_LEAK_BYTES:
                break
    return churn


def fitting_size(asked: int, connections: int, took_s: float, allowed_s: float) -> int:
    """Connections in a round, so that all rounds end in time at the pace of the first; at least one batch."""
    in_time = connections * allowed_s / max(took_s, 1e-9) / _ROUNDS
    return max(_AT_ONCE, min(asked, int(in_time)))


def _round(context: RobustnessContext, churn: Churn, size: int, until: Deadline) -> bool:
    """Run one round of at most `size` connections. False if an old or a new client is no longer served."""
    left, before = size, churn.connections
    while left > 0 and churn.served and not (until.passed and left < size):
        context.budget.check()
        number = min(_AT_ONCE, left)
        left -= number
        churn.connections += number
        churn.served = _batch(context, churn, number) or context.all_served()
    churn.served = churn.served and context.all_served()
    if not churn.served:
        churn.lines.append(f"   (after {churn.connections} connections that {churn.end.action}, others are not served)")
        return False
    if context.meter is not None:
        fd_counts = [each.fds for each in churn.rounds if each.fds is not None]
        # After one late release, waiting longer for the next shows nothing new.
        wait_s = _AFTER_FAILURE_S if fd_counts and fd_counts[-1] > fd_counts[0] else context.releases_s
        fds = context.wait_fds(min(fd_counts), wait_s) if fd_counts else _settled_fds(context)
        churn.rounds.append(ChurnRound(churn.connections - before, fds, context.meter.private_bytes()))
        churn.lines.append(_round_line(churn.rounds[-1], churn.end))
    return True


def _settled_fds(context: RobustnessContext) -> int | None:
    """File descriptors after the warm-up, once their number has stopped falling."""
    assert context.meter is not None
    before = context.meter.fds()
    while before is not None:
        context.new_client_served()
        after = context.meter.fds()
        if after is None or after >= before:
            return after
        before = after
    return None


def _wait_late_release(context: RobustnessContext, churn: Churn) -> None:
    """Record whether the server releases the descriptors late, as some servers do."""
    warm = churn.rounds[0].fds
    if warm is None:
        return
    fds = context.wait_fds(warm + _FEW, context.releases_s)
    if fds is not None and fds <= warm + _FEW:
        churn.late_s = context.releases_s


def _round_line(each: ChurnRound, end: ChurnEnd) -> str:
    memory = f", {each.memory_bytes / 1e6:.2f} MB of its own" if each.memory_bytes is not None else ""
    return f"   ({each.connections} clients {end.action}: the server has {each.fds} open descriptors{memory})"


def _batch(context: RobustnessContext, churn: Churn, number: int) -> bool:
    """Connect some clients at once. False if none of them got the expected answer."""
    end = churn.end
    request = context.endpoint.request(_KEY).encode()
    socks: list[socket.socket] = []
    wait_s = context.budget.at_most(context.deadline_s)
    until = Deadline.after(wait_s)
    well = 0
    try:
        for _ in range(number):
            context.budget.check()
            if until.passed:
                break  # The server's backlog is short: go on with the clients that are connected.
            with contextlib.suppress(TargetError):
                socks.append(connect_socket(context.endpoint, max(until.remaining_s, _LEAST_CONNECT_S)))
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.sendall(end.request(request))
        silent = 0
        for index, sock in enumerate(socks):
            context.budget.check()
            # The wait for the first unanswered client covered the others.
            sock.settimeout(_AFTER_FAILURE_S if silent else wait_s)
            if end.answered and not _answered(sock):
                silent += 1
            else:
                well += 1
            with contextlib.suppress(OSError):
                end.leave(sock, index)
            if silent > _FEW:
                break
        if well:
            _wait_ends(context, socks, churn, wait_s)
    finally:
        for sock in socks:
            sock.close()
    return well > 0


def _answered(sock: socket.socket) -> bool:
    data = b""
    until = Deadline.after(sock.gettimeout() or 0.0)
    try:
        while b"\r\n\r\n" not in data:
            more = sock.recv(4096)
            if not more:
                return bool(data)
            data += more
            if until.passed:
                return False
    except OSError:
        return False
    return True


def _wait_ends(context: RobustnessContext, socks: list[socket.socket], churn: Churn, wait_s: float) -> None:
    """Read to the end of TCP, if the server should end it. Stop at the first client whose connection stays open."""
    if churn.end.leave is not _half_close and churn.end.leave is not _close:
        return
    for sock in socks:
        ends_in_s = _AFTER_OPEN_S if churn.keeps_open else wait_s
        sock.settimeout(ends_in_s)
        until = Deadline.after(ends_in_s)
        try:
            while sock.recv(4096):
                context.budget.check()
                if until.passed:
                    raise TimeoutError  # The server keeps sending instead of ending TCP.
        except TimeoutError:
            churn.keeps_open = True
            return
        except OSError:
            pass  # A reset ends TCP too.


def _close(sock: socket.socket, index: int) -> None:
    del index
    sock.sendall(Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK).encode())


def _half_close(sock: socket.socket, index: int) -> None:
    del index
    sock.shutdown(socket.SHUT_WR)


def _reset(sock: socket.socket, index: int) -> None:
    if index % 2:
        sock.sendall(Frame(Opcode.TEXT, b"half a frame", mask=MASK).encode()[:9])
    reset_on_close(sock)
    sock.close()


def _leave(sock: socket.socket, index: int) -> None:
    if index % 2:
        reset_on_close(sock)
    sock.close()


def _whole(request: bytes) -> bytes:
    return request


def _half(request: bytes) -> bytes:
    return request[: len(request) // 2]


def _of_version_99(request: bytes) -> bytes:
    return request.replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 99")


CHURN_ENDS: dict[str, ChurnEnd] = {
    "freed-after-abandoned": ChurnEnd("abandoned", "left in the middle of their handshake", _half, _leave, False),
    "freed-after-refusal": ChurnEnd("refused", "were refused", _of_version_99, _leave),
    "freed-after-close": ChurnEnd("closed", "closed", _whole, _close),
    "freed-after-reset": ChurnEnd("reset", "reset TCP", _whole, _reset),
    "freed-after-half-close": ChurnEnd("half-closed", "ended their side of TCP", _whole, _half_close),
}
"""The way to leave that each rule is about, simplest first: a leak in one of them also shows in all later ones."""
