"""Tests of the endpoints of members: their numbers, headers, subprotocols and paths."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from wsproof import Audience, Contract, MessageKind, Parsed, TargetError, Workload
from wsproof.delivery import limits_probe, standing_connection
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.standing import StandingRole
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import http_endpoint, member_endpoint

PLACE = Endpoint("127.0.0.1", 1, headers=(("X-User", "u{n}"),), query="as={n}")


class Room(Workload):
    name, title = "room", "a room"
    contract = Contract("room", Audience.EVERYONE)

    def path(self, member: int) -> str:
        return "/ws"

    def headers(self, member: int) -> dict[str, str]:
        return {"X-Own": f"own {member}"}

    def subprotocols(self, member: int) -> list[str]:
        return ["chat"]

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.IGNORED)


def test_a_member_connects_with_its_number_in_the_headers_and_the_query_of_the_user() -> None:
    place = member_endpoint(PLACE, Room(base=100), 7)
    assert place.path == "/ws?as=107"
    assert place.headers == (("X-User", "u107"), ("X-Own", "own 7"))
    assert place.subprotocols == ("chat",)


def test_the_http_requests_of_a_member_have_its_headers() -> None:
    assert http_endpoint(PLACE, Room(base=100), 7).headers == (("X-User", "u107"), ("X-Own", "own 7"))


def connect_standing_member() -> None:
    standing_connection.connect(PLACE, Room(base=100), 7, StandingRole.IDLE, deadline_s=1.0, seed=0)


def connect_member_with_a_growing_message() -> None:
    runner = SimpleNamespace(
        first=7, workload=Room(base=100), server=SimpleNamespace(endpoint=PLACE), budget=Budget(None), seed=0
    )
    limits_probe._connected(cast(ScheduleRunner, runner), SuiteOptions(), limits_probe.PLAIN)


@pytest.mark.parametrize("connect", [connect_standing_member, connect_member_with_a_growing_message])
def test_members_beside_the_schedules_connect_with_their_number(
    connect: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints: list[Endpoint] = []

    class RecordingClient:
        def __init__(self, endpoint: Endpoint, **_: Any) -> None:
            endpoints.append(endpoint)

        def open(self) -> NoReturn:
            raise TargetError("nobody listens")

        def abort(self) -> None:
            pass

    for module in (standing_connection, limits_probe):
        monkeypatch.setattr(module, "Client", RecordingClient)
    with pytest.raises(TargetError):
        connect()
    assert [place.path for place in endpoints] == ["/ws?as=107"]
    assert endpoints[0].headers[0] == ("X-User", "u107")
