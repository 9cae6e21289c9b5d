"""The sentences of a contract: what a channel promises, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from wsproof.model.contract import Audience, Contract, Order, Range, Resume

_AUDIENCES = {
    Audience.EVERYONE: "All members of a room receive what a member publishes, the publisher too",
    Audience.OTHERS: "All other members of a room receive what a member publishes",
    Audience.PUBLISHER: "Only the publisher receives what it publishes",
    Audience.NOBODY: "No member receives what a member publishes",
}
_ORDERS = {
    Order.PER_PUBLISHER: "Messages of one publisher arrive in the order in which they were published",
    Order.TOTAL: "All members receive all messages in the same order",
    Order.NONE: "The order of messages is not promised",
}


def promises(contract: Contract) -> tuple[str, ...]:
    """The promises of a contract, a sentence each."""
    return tuple(f"{sentence}." for sentence in _sentences(contract))


def _sentences(contract: Contract) -> Iterator[str]:
    feed = contract.feed
    if feed is not None:
        fields = ", ".join(f"{name} ({_range(limits)})" for name, limits in feed.fields)
        whom = "all viewers the same object" if feed.shared else "each viewer an object of its own"
        yield f"The server sends {whom} every {feed.period_s:g} s" + (f", with {fields}" if fields else "")
    if feed is None or contract.audience is not Audience.NOBODY:
        yield _AUDIENCES[contract.audience]
        yield _ORDERS[contract.order]
    if contract.agreed_order and contract.order is not Order.TOTAL:
        yield "The same order for all members is expected; a breach counts with --strict only"
    if contract.replies:
        yield "The server replies to each publication, and only to its publisher"
    if not contract.last_messages:
        yield "What a member sends right before it leaves may be lost"
    if contract.leaves:
        yield "When a member leaves, in whatever way, the server notifies the others in its room once"
    if contract.keeps_idle_s is not None:
        yield f"The server keeps the connection of a member that only listens for at least {contract.keeps_idle_s:g} s"
    if contract.resume is not Resume.NONE:
        sentence = contract.resume.in_words
        yield sentence[0].upper() + sentence[1:]
    if contract.rate_limit is not None:
        yield f"A member may publish {contract.rate_limit.in_words}, and all of them are delivered"
    if contract.connections is not None:
        yield f"The server takes {contract.connections} members at once, and serves all of them"
    if contract.private_rooms:
        yield "The credentials of a member open its own room only"
    if contract.public:
        yield "Anybody may listen"
    if contract.origins:
        yield f"Only pages of {', '.join(contract.origins)} may connect"


def _range(limits: Range) -> str:
    """A range in words, such as "0 to 100" or "at least 0"."""
    if limits.high < inf:
        return f"{limits.low:g} to {limits.high:g}" if limits.low > -inf else f"at most {limits.high:g}"
    return f"at least {limits.low:g}" if limits.low > -inf else "any number"
