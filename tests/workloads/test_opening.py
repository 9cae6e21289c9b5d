"""Tests of the first messages of a channel's member."""

from __future__ import annotations

import pytest

from wsproof import Workload, open_envelope
from wsproof.workloads import load_channels, opening_of
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
def test_a_member_joins_before_it_publishes(path: str) -> None:
    opening = opening_of(WORKLOADS, path)
    assert opening is not None
    assert opening.has_join
    assert opening.conversation().start(0) == ("token:0",)
    opened = open_envelope(opening.publication)
    assert opened is not None
    assert opened.intact


def test_a_channel_that_is_joined_by_the_handshake_has_no_join_messages() -> None:
    opening = opening_of(load_channels("tutorial"), "/ws")
    assert opening is not None
    assert not opening.has_join


def test_channels_without_a_publishing_workload_have_no_opening() -> None:
    assert opening_of(WORKLOADS, "/other") is None
    assert opening_of(load_channels("tutorial"), "/dashboard-feed") is None
