"""The first messages of a member, for checks on endpoints that accept only some messages."""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.model.envelope import Envelope, body_of
from wsproof.workloads.base import Workload

_BYTES = 80
"""Size in bytes of the publication."""
_MEMBER = 0


def opening_of(workloads: Mapping[str, Workload], path: str) -> tuple[str | bytes, ...]:
    """The messages that a member of the workload at `path` sends first: its greeting, if any, and a publication.

    Empty if no workload uses this path, or if its members do not publish.
    """
    for workload in workloads.values():
        if workload.publishes and _without_query(workload.path(_MEMBER)) == _without_query(path):
            greeting = workload.greeting(_MEMBER)
            published = workload.publish(_MEMBER, Envelope(_MEMBER, 0, 0), body_of(_BYTES))
            return (published,) if greeting is None else (greeting, published)
    return ()


def _without_query(path: str) -> str:
    return path.partition("?")[0]
