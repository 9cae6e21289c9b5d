"""Limits of a plan on this machine."""

from __future__ import annotations

from wsproof.errors import UsageError
from wsproof.machine.fd_limits import most_connections, require_files
from wsproof.model.envelope import TRAILER_BYTES
from wsproof.model.plan import Plan
from wsproof.model.sizes import Sizes

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Longest message, in bytes, that a connection accepts.

Longer messages are dropped, even if the server made them longer.
"""
SPARE_BYTES = 1024
"""Bytes reserved for the text that a server may add around a client's message."""


def require_possible(plan: Plan) -> None:
    """Check that a plan is possible on this machine.

    Raises:
        UsageError: the numbers of the plan contradict each other or exceed this machine's limits.
    """
    if plan.subscribers < 1 or plan.processes < 1:
        raise UsageError(
            f"A plan needs at least one subscriber in one process, got {plan.subscribers} in {plan.processes}."
        )
    if not 1 <= plan.publishers <= plan.subscribers:
        raise UsageError(
            f"Publishers are among the subscribers: expected 1 to {plan.subscribers} of them, got {plan.publishers}. "
            f"Try --publishers {min(plan.publishers, plan.subscribers)}."
        )
    if plan.rate_hz <= 0:
        raise UsageError(f"Expected a rate above 0 publications per second, got {plan.rate_hz:g}.")
    if plan.in_flight is not None and plan.in_flight < 1:
        raise UsageError(f"A closed loop needs at least one publication in flight, got {plan.in_flight}.")
    longest = MAX_MESSAGE_BYTES - SPARE_BYTES
    sizes = plan.sizes or Sizes((plan.payload_bytes,))
    smallest, largest = sizes.smallest, sizes.largest
    if smallest < TRAILER_BYTES:
        raise UsageError(
            f"Expected a payload of at least {TRAILER_BYTES} bytes, got {smallest}: the envelope of a message alone "
            "(publisher, sequence number, time and checksum) takes that many."
        )
    if largest > longest:
        raise UsageError(f"Expected a payload of at most {longest} bytes, got {largest}.")
    if not 1 <= plan.steps <= plan.subscribers or plan.step_of(plan.publishers - 1):
        first = sum(plan.step_of(member) == 0 for member in range(plan.subscribers)) if plan.steps > 0 else 0
        raise UsageError(
            f"{plan.subscribers} subscribers cannot join in {plan.steps} steps: each step needs one at least, and all "
            f"{plan.publishers} publishers are in the first, which has {first}."
        )
    require_files(-(-plan.subscribers // plan.processes))


def most_subscribers(processes: int) -> int:
    """The largest number of connections that this many workers can hold on this machine."""
    return most_connections() * processes
