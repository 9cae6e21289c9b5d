"""All ways in which a member can leave: by every legal close code, or by ending TCP at various points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.member import PoolMember
from wsproof.errors import TargetError
from wsproof.model.history import Departure
from wsproof.net.client import Client
from wsproof.wire import MASK, Frame, Opcode

CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4000, 4999)
"""Close codes that a client may send (RFC 6455 7.4.1 and 7.4.2)."""
LONGEST_REASON = ("the reason is as long as a close frame can hold; " * 3)[:123]
"""A reason of 123 bytes."""
_Go = Callable[[ClientPool, PoolMember], None]


def _close(code: int | None, reason: str, pool: ClientPool, member: PoolMember) -> None:
    pool.depart(member, Departure.CLOSED)
    if member.client.peer.may_send:
        member.client.peer.send_close(code, reason)
    member.client.receive_nowait()


def _close_and_reset(pool: ClientPool, member: PoolMember) -> None:
    member.is_abrupt = True
    _close(1000, "", pool, member)
    member.client.reset()
    member.closed = True


def _after(first: bytes, end: _Go, pool: ClientPool, member: PoolMember) -> None:
    """Send these bytes, and leave."""
    member.client.send_raw(first)
    end(pool, member)


def _cut_short(begun: bytes, end: _Go, pool: ClientPool, member: PoolMember) -> None:
    """Send the beginning of a message, and leave before its end.

    The previous message of the member may be in the same segment. Several libraries read a segment as a whole, and
    discard all of it if a message in it is incomplete. The application then never sees the previous message, so no
    member is expected to receive it.
    """
    member.is_abrupt = True
    _after(begun, end, pool, member)


def _fin(pool: ClientPool, member: PoolMember) -> None:
    pool.end_tcp(member)


def _reset(pool: ClientPool, member: PoolMember) -> None:
    pool.reset(member)


_HALF_A_FRAME = Frame(Opcode.TEXT, b"this message never ends", mask=MASK).encode()[:10]
_HALF_A_HEADER = Frame(Opcode.TEXT, b"x" * 300, mask=MASK).encode()[:3]
_FIRST_FRAGMENT = Frame(Opcode.TEXT, b"this message has no end", fin=False, mask=MASK).encode()
_PING = Frame(Opcode.PING, b"are you there", mask=MASK).encode()

DEPARTURES: Mapping[str, _Go] = {
    **{f"a close frame with code {code}": partial(_close, code, "") for code in CODES},
    "a close frame without a code": partial(_close, None, ""),
    "a close frame with a reason": partial(_close, 1000, "caf\u00e9 \U0001f600"),
    "a close frame with a reason of 123 bytes": partial(_close, 4001, LONGEST_REASON),
    "a close frame, and TCP RST at once": _close_and_reset,
    "TCP FIN": _fin,
    "TCP RST": _reset,
    "TCP FIN in the middle of a frame": partial(_cut_short, _HALF_A_FRAME, _fin),
    "TCP RST in the middle of a frame": partial(_cut_short, _HALF_A_FRAME, _reset),
    "TCP FIN in the middle of a frame header": partial(_cut_short, _HALF_A_HEADER, _fin),
    "TCP FIN between two fragments": partial(_cut_short, _FIRST_FRAGMENT, _fin),
    "TCP RST between two fragments": partial(_cut_short, _FIRST_FRAGMENT, _reset),
    "a close frame between two fragments": partial(_cut_short, _FIRST_FRAGMENT, partial(_close, 1001, "")),
    "a ping, and TCP FIN at once": partial(_after, _PING, _fin),
}
"""The ways in which a member can leave, each by its name in reports."""


def abandon(pool: ClientPool, count: int) -> None:
    """Begin `count` handshakes, and end each in the middle: by FIN and by RST in turn."""
    setting = pool.setting
    endpoint = setting.endpoint.channel(setting.workload.path(setting.first))
    for number in range(count):
        client = Client(endpoint, deadline_s=setting.deadline_s, seed=setting.seed + number)
        try:
            client.connect()
        except TargetError:
            return  # the others show whether the server still serves
        request = client.peer.request.encode()
        client.send_raw(request[: len(request) * (1 + number % 3) // 4])
        if number % 2:
            client.reset()
        else:
            client.half_close()
            client.abort()
