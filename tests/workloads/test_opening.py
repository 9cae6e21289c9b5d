"""What a member of a channel sends first."""

from __future__ import annotations

import pytest

from wsproof.model.envelope import open_envelope
from wsproof.workloads import load_channels, opening_of
from wsproof.workloads.base import Workload
from wsproof.workloads.echo import Echo


class Private(Echo):
    """An echo behind a login."""

    name = "private"

    def path(self, member: int) -> str:
        return f"/private?member={member}"

    def greeting(self, member: int) -> str:
        return f"token:{member}"


WORKLOADS: dict[str, Workload] = {"private": Private()}


@pytest.mark.parametrize("path", ["/private", "/private?member=7"])
def test_a_greeting_comes_before_a_publication(path: str) -> None:
    greeting, published = opening_of(WORKLOADS, path)
    assert greeting == "token:0"
    opened = open_envelope(published)
    assert opened is not None
    assert opened.intact


def test_there_is_none_where_no_workload_publishes() -> None:
    assert opening_of(WORKLOADS, "/other") == ()
    assert opening_of(load_channels("tutorial"), "/dashboard-feed") == ()
