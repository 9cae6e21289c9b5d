"""The beginning of a member: its preparation, and its first messages for checks of endpoints that accept only some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wsproof.model.envelope import Envelope, body_of
from wsproof.workloads.base import Workload
from wsproof.workloads.conversation import Conversation
from wsproof.workloads.steps import JoinRefused, Message

__all__ = []

_BYTES = 80
"""Size in bytes of the publication."""
_MEMBER = 0


@dataclass(frozen=True)
class Opening:
    """The first messages of a member: it joins, and then it may publish."""

    workload: Workload

    @property
    def publication(self) -> Message:
        """The publication of the member. Ask for it once the member is prepared."""
        message = self.workload.publish(_MEMBER, Envelope(_MEMBER, 0, 0), body_of(_BYTES))
        assert isinstance(message, str | bytes)
        return message

    @property
    def number(self) -> int:
        """The member's number at the server."""
        return self.workload.base + _MEMBER

    @property
    def headers(self) -> Mapping[str, str]:
        """The member's own headers."""
        return self.workload.headers(_MEMBER)

    @property
    def subprotocols(self) -> Sequence[str]:
        """The subprotocols that the member offers."""
        return self.workload.subprotocols(_MEMBER)

    @property
    def has_join(self) -> bool:
        """Whether a member sends anything, or waits for anything, before it publishes."""
        talk = self.conversation()
        talk.start(0)
        return talk.has_sent or talk.is_joining

    def prepare(self, url: str) -> str:
        """Prepare the member. Returns why that was not possible; empty if it was."""
        return prepared(self.workload, _MEMBER, url) if self.workload.has_prepare else ""

    def conversation(self) -> Conversation:
        """A new conversation, for one connection."""
        return Conversation(self.workload, _MEMBER)

    def parts_of(self, message: Message) -> Sequence[Message]:
        """The messages of the application in one WebSocket message."""
        return self.workload.parts_of(message)

    def needs_answer(self, message: Message) -> bool:
        """Whether the member must answer this message."""
        return self.workload.read(_MEMBER, message).needs_answer


def opening_of(workloads: Mapping[str, Workload], path: str) -> Opening | None:
    """The opening of the workload at `path`; None if no workload uses this path.

    None too if its members do not publish, or not with messages.
    """
    for workload in workloads.values():
        is_at_path = _without_query(workload.path(_MEMBER)) == _without_query(path)
        if is_at_path and workload.publishes and not workload.publishes_outside:
            return Opening(workload)
    return None


def _without_query(path: str) -> str:
    return path.partition("?")[0]


def prepared(workload: Workload, member: int, url: str) -> str:
    """Let the workload prepare a member. Returns why it could not; empty if it could."""
    try:
        workload.prepare(member, url)
    except JoinRefused as refusal:
        return f"could not be prepared: {refusal}"
    return ""


def expired(workload: Workload, member: int, url: str) -> str:
    """Let the workload make a member's credentials expire. Returns why it could not; empty if it could."""
    try:
        workload.expire(member, url)
    except JoinRefused as refusal:
        return f"has credentials that did not expire: {refusal}"
    return ""
