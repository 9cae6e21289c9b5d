"""Many short connections that all end in one way: what the server keeps of them, and whom it still serves."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from wsproof.errors import TargetError
from wsproof.net.clock import Deadline
from wsproof.net.connecting import connect_socket, reset_on_close
from wsproof.rfc6455.robustness.ground import Ground
from wsproof.rfc6455.robustness.growth import MEMORY_LEAK_BYTES, Round, grows_steadily, leaked_bytes, leaked_fds
from wsproof.wire import MASK, Frame, Opcode

__all__ = ["LEAVINGS", "Storm", "storm"]

_KEY = "d3Nwcm9vZi1zdG9ybXMhIQ=="
_AT_ONCE = 25
_ROUNDS = 5
_MORE_ROUNDS = 8
_CONVICTED_S = 0.2
_KEEPS_OPEN_S = 0.01
_FEW = 2


@dataclass(frozen=True, slots=True)
class Leaving:
    """One way in which clients come and go. `request` is what they say first, `leave` ends the connection."""

    name: str
    did: str
    request: Callable[[bytes], bytes]
    leave: Callable[[socket.socket, int], None]
    answered: bool = True


@dataclass
class Storm:
    """What a storm of one kind showed: `rounds` (the first is the warm-up), and whether others were served to its end.

    `late_s`: descriptors did come back, but only after so long.
    """

    leaving: Leaving
    rounds: list[Round] = field(default_factory=list)
    served: bool = True
    connections: int = 0
    lines: list[str] = field(default_factory=list)
    late_s: float | None = None
    keeps_open: bool = False
    """Whether the end of TCP was waited for in vain: that silence is not waited out again."""

    @property
    def fds(self) -> float | None:
        """Descriptors that were kept a connection; None for none."""
        return None if self.late_s is not None else leaked_fds(self.rounds)

    @property
    def memory(self) -> float | None:
        """Bytes that were kept a connection; None for none that are sure."""
        return leaked_bytes(self.rounds) if grows_steadily(self.rounds) else None


def storm(ground: Ground, leaving: Leaving) -> Storm:
    """Have the storm; what it showed. Its size follows `ground.examples`.

    Raises:
        BudgetSpent: the time for the run is over.
    """
    told = Storm(leaving)
    size = max(40, 8 * ground.examples)
    for number in range(_ROUNDS):
        if not _round(ground, told, size if number else size // 2):
            return told
    if ground.meter is None:
        return told
    if leaked_fds(told.rounds) is not None:
        _see_late(ground, told)
    if leaked_bytes(told.rounds) >= MEMORY_LEAK_BYTES:
        # More than an allocator explains: go on, until a collector would have come.
        for _ in range(_MORE_ROUNDS):
            if not _round(ground, told, 2 * size):
                break
            if leaked_bytes(told.rounds) < MEMORY_LEAK_BYTES:
                break
    return told


def _round(ground: Ground, told: Storm, size: int) -> bool:
    """One round; False when somebody is no longer served."""
    left = size
    while left > 0 and told.served:
        ground.budget.check()
        number = min(_AT_ONCE, left)
        left -= number
        told.connections += number
        told.served = _batch(ground, told, number) or ground.all_served()
    told.served = told.served and ground.all_served()
    if not told.served:
        told.lines.append(f"   (after {told.connections} connections that {told.leaving.did}, others are not served)")
        return False
    if ground.meter is not None:
        known = [one.fds for one in told.rounds if one.fds is not None]
        # Once some were not given back in time, waiting for more of them says nothing new.
        patience = _CONVICTED_S if known and known[-1] > known[0] else ground.releases_s
        fds = ground.wait_fds(min(known), patience) if known else _settled(ground)
        told.rounds.append(Round(size, fds, ground.meter.private_bytes()))
        told.lines.append(_told(told.rounds[-1], told.leaving))
    return True


def _settled(ground: Ground) -> int | None:
    """Descriptors after the warm-up, when they have stopped falling."""
    assert ground.meter is not None
    before = ground.meter.fds()
    while before is not None:
        ground.newcomer_served()
        after = ground.meter.fds()
        if after is None or after >= before:
            return after
        before = after
    return None


def _see_late(ground: Ground, told: Storm) -> None:
    """Some servers let go after a time of their own: that is late, and no leak."""
    warm = told.rounds[0].fds
    if warm is None:
        return
    fds = ground.wait_fds(warm + _FEW, ground.releases_s)
    if fds is not None and fds <= warm + _FEW:
        told.late_s = ground.releases_s


def _told(one: Round, leaving: Leaving) -> str:
    memory = f", {one.memory_bytes / 1e6:.2f} MB of its own" if one.memory_bytes is not None else ""
    return f"   ({one.connections} clients {leaving.did}: the server has {one.fds} open descriptors{memory})"


def _batch(ground: Ground, told: Storm, number: int) -> bool:
    """Some clients at once; False when not one of them got what it was owed."""
    leaving = told.leaving
    request = ground.endpoint.request(_KEY).encode()
    socks: list[socket.socket] = []
    wait_s = ground.budget.at_most(ground.deadline_s)
    well = 0
    try:
        for _ in range(number):
            ground.budget.check()
            with contextlib.suppress(TargetError):
                socks.append(connect_socket(ground.endpoint, wait_s))
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.sendall(leaving.request(request))
        silent = 0
        for index, sock in enumerate(socks):
            ground.budget.check()
            sock.settimeout(_CONVICTED_S if silent else wait_s)  # the first that is not answered has waited for all
            if leaving.answered and not _answered(sock):
                silent += 1
            else:
                well += 1
            with contextlib.suppress(OSError):
                leaving.leave(sock, index)
            if silent > _FEW:
                break
        if well:
            _let_end(ground, socks, told, wait_s)
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


def _let_end(ground: Ground, socks: list[socket.socket], told: Storm, wait_s: float) -> None:
    """Read to the end of TCP, where the server should bring it, up to the first client to whom it does not."""
    if told.leaving.leave is not _half_close and told.leaving.leave is not _close:
        return
    for sock in socks:
        ends_in_s = _KEEPS_OPEN_S if told.keeps_open else wait_s
        sock.settimeout(ends_in_s)
        until = Deadline.after(ends_in_s)
        try:
            while sock.recv(4096):
                ground.budget.check()
                if until.passed:
                    raise TimeoutError  # it goes on talking: that is no end
        except TimeoutError:
            told.keeps_open = True
            return
        except OSError:
            pass  # it is reset: that is an end too


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


LEAVINGS: dict[str, Leaving] = {
    "freed-after-abandoned": Leaving("abandoned", "left in the middle of their handshake", _half, _leave, False),
    "freed-after-refusal": Leaving("refused", "were refused", _of_version_99, _leave),
    "freed-after-close": Leaving("closed", "closed", _whole, _close),
    "freed-after-reset": Leaving("reset", "reset TCP", _whole, _reset),
    "freed-after-half-close": Leaving("half-closed", "ended their side of TCP", _whole, _half_close),
}
"""The rule of each way to leave, the simplest way first: what leaks there leaks in all that follow."""
