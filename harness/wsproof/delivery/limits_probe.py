"""The channel probe "message-size-limit": a message grows until the server refuses it.

It is sent without an end, once plain and once compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from wsproof.checks.limits import MIB, SizeLimitRecord, judge_limits, limits_in_figures, limits_in_words
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.runner import ScheduleRunner
from wsproof.machine.usage import TreeMeter
from wsproof.model.suite import SuiteOptions
from wsproof.net.client import Client
from wsproof.net.clock import Deadline
from wsproof.target.member_endpoint import member_endpoint
from wsproof.wire import MASK, CloseReceived, Event, Frame, Opcode, PongReceived, State
from wsproof.workloads import prepared

BOUND_BYTES = 64 * MIB
"""Size at which the search ends. Few applications need longer messages, and any server can hold one of them."""
FIRST_BYTES = MIB // 4
TRIAL_S = 4.0
"""Seconds for one form of message."""
ANSWER_S = 2.0
"""Seconds to wait for the answer to a ping, which shows that the server has read all before it."""
RSV1 = 4
"""The reserved bit that marks a compressed message (RFC 7692 6)."""
PLAIN, COMPRESSED = "in fragments", "compressed"


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    tests = tuple(test for form in (PLAIN, COMPRESSED) if (test := _grow(runner, options, form)) is not None)
    if not tests:
        return ProbeOutcome(examples=0, unknown="not checked: the server let no member in")
    findings = tuple(judge_limits(tests, runner.workload.contract))
    return ProbeOutcome(findings, len(tests), limits_in_figures(tests), limits_in_words(tests))


def _grow(runner: ScheduleRunner, options: SuiteOptions, form: str) -> SizeLimitRecord | None:
    """Let an unfinished message grow on one connection. None if the connection cannot carry this form."""
    client = _connected(runner, options, form)
    if client is None:
        return None
    meter = TreeMeter(runner.server.pid) if runner.server.pid is not None else None
    before = meter.private_bytes() if meter is not None else None
    frames, most = _frames(form), before or 0
    taken, deadline = 0, Deadline.after(runner.budget.at_most(TRIAL_S))
    target = FIRST_BYTES
    try:
        while target <= BOUND_BYTES and not deadline.passed:
            size = taken
            while size < target and not client.ended:
                piece, grows_by = next(frames)
                size += grows_by
                if not client.send_raw(piece):
                    break
            runner.budget.check()
            how = _refusal(client)
            if how is None:
                break  # a slow server has neither taken nor refused the message
            if meter is not None:
                most = max(most, meter.private_bytes() or 0)
            grown = most - before if before is not None else None
            if how:
                return SizeLimitRecord(form, taken, size, how, grown)
            taken, target = size, target * 2
        is_whole = taken >= BOUND_BYTES
        grown = most - before if before is not None else None
        return SizeLimitRecord(form, taken, memory_bytes=grown) if is_whole else None
    finally:
        if client.ended:
            client.abort()
        else:
            client.reset()


def _connected(runner: ScheduleRunner, options: SuiteOptions, form: str) -> Client | None:
    """A connection of a new member; None if the server refuses it, or declines compression that `form` needs."""
    alias, runner.first = runner.first, runner.first + 1
    workload, server = runner.workload, runner.server.endpoint.within(runner.budget)
    if workload.has_prepare and prepared(workload, alias, server.http_url):
        return None
    endpoint = member_endpoint(server, workload, alias)
    request = replace(endpoint.request(KEY), extensions=("permessage-deflate",)) if form == COMPRESSED else None
    client = Client(endpoint, deadline_s=options.deadline_s, request=request, seed=runner.seed)
    client.open()
    if client.peer.state is not State.OPEN or (form == COMPRESSED and client.peer.deflate is None):
        client.abort()
        return None
    return client


KEY = "d3Nwcm9vZi1saW1pdHMhIQ=="
"""The Sec-WebSocket-Key of a connection that offers compression."""


def _frames(form: str) -> Iterator[tuple[bytes, int]]:
    """The frames of a message that never ends, each with the bytes by which the message grows."""
    shrink = _plain if form == PLAIN else _deflating()
    opcode: Opcode = Opcode.TEXT
    content = b"x" * FIRST_BYTES
    while True:
        first = opcode is Opcode.TEXT
        frame = Frame(opcode, shrink(content), fin=False, rsv=RSV1 if form == COMPRESSED and first else 0, mask=MASK)
        yield frame.encode(), len(content)
        opcode = Opcode.CONTINUATION


def _plain(content: bytes) -> bytes:
    return content


def _deflating() -> Callable[[bytes], bytes]:
    deflater = zlib.compressobj(wbits=-15)
    return lambda content: deflater.compress(content) + deflater.flush(zlib.Z_SYNC_FLUSH)


def _refusal(client: Client) -> str | None:
    """The server's refusal of the message. Empty if it answers a ping after it; None if it does neither in time."""
    if not client.ended and client.peer.close_received is None:
        client.send_ping(b"limits")
        client.wait_event(_is_answer, ANSWER_S)
    events = client.take_events()
    close = client.peer.close_received
    if close is not None:
        return f"close code {close[0]}" if close[0] is not None else "a close frame without a code"
    if client.ended:
        return "the end of the connection"
    return "" if any(isinstance(event, PongReceived) for event in events) else None


def _is_answer(event: Event) -> bool:
    return isinstance(event, PongReceived | CloseReceived)


LIMITS = ChannelProbe(
    "message-size-limit",
    "The server refuses a message without an end before the message uses up its memory.",
    lambda contract: contract.feed is None,
    _run,
)
