"""What a member of a channel sends first: for checks of the wire at an endpoint that takes only some messages."""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.model.envelope import Envelope, body_of
from wsproof.workloads.base import Workload

_BYTES = 80
_MEMBER = 0


def opening_of(workloads: Mapping[str, Workload], path: str) -> tuple[str | bytes, ...]:
    """What a member of the workload at this path sends: its greeting, if it has one, then a publication.

    Empty where no workload is at this path, or where its members do not publish.
    """
    for workload in workloads.values():
        if workload.publishes and _without_query(workload.path(_MEMBER)) == _without_query(path):
            greeting = workload.greeting(_MEMBER)
            published = workload.publish(_MEMBER, Envelope(_MEMBER, 0, 0), body_of(_BYTES))
            return (published,) if greeting is None else (greeting, published)
    return ()


def _without_query(path: str) -> str:
    return path.partition("?")[0]
