"""Tests of the messages that a member sends without credentials or with wrong ones."""

from __future__ import annotations

import json

import pytest

from tests.faulty.channels.json_room import TOKEN
from tests.faulty.channels.json_room_workloads import Greeting, OneOrigin, Private, Room
from wsproof.delivery.catalogue import properties_of
from wsproof.delivery.credentials import (
    Access,
    altered_endpoint,
    altered_message,
    can_try,
    credentials_of,
    exchanged_credentials,
    origin_matters,
)
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import member_endpoint
from wsproof.workloads import prepared
from wsproof.workloads.guarded import guarded

HERE = Endpoint("127.0.0.1", 80)
SIGNED_IN = Endpoint("127.0.0.1", 80, headers=(("Authorization", "Bearer abcdef123"), ("X-Team", "red")))


class LoggingIn(Room):
    def greeting(self, member: int) -> str:
        return json.dumps({"login": {"user": self.name_of(member), "password": "opensesame"}})


class ByName(Room):
    """A channel whose token is derived from the name, so that it identifies the member and is no secret."""

    def path(self, member: int) -> str:
        return f"/ws?token=tok-{self.name_of(member)}"


class WithCookie(Room):
    def headers(self, member: int) -> dict[str, str]:
        return {"Cookie": "theme=dark; sid=0123abcd"}


class LoggedIn(Room):
    """A channel in which each member logs in before it connects, and gets its cookie."""

    def __init__(self, settings: dict[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.cookies: dict[int, str] = {}

    def prepare(self, member: int, url: str) -> None:
        self.cookies[member] = f"sid=0123abcd{member}"

    def headers(self, member: int) -> dict[str, str]:
        return {"Cookie": self.cookies[member]}


def own(workload: Room, place: Endpoint = HERE) -> Endpoint:
    return member_endpoint(place, workload, 0)


def test_credentials_are_in_query_greeting_headers_and_cookies() -> None:
    assert credentials_of(Private({}), 0, own(Private({}))) == (TOKEN,)
    assert credentials_of(LoggingIn({}), 0, own(LoggingIn({}))) == ("opensesame",)
    assert credentials_of(Room({}), 0, own(Room({}), SIGNED_IN)) == ("abcdef123",)
    assert "0123abcd" in credentials_of(WithCookie({}), 0, own(WithCookie({})))


@pytest.mark.parametrize("workload", [Room, Greeting])
def test_a_channel_without_a_token_has_no_credentials(workload: type[Room]) -> None:
    assert credentials_of(workload({}), 0, own(workload({}))) == ()


def test_removing_credentials_keeps_other_parameters_headers_and_fields() -> None:
    plain = altered_endpoint(HERE.at(f"/ws?name=a&token={TOKEN}"), [TOKEN], Access.NONE)
    assert plain.path == "/ws?name=a"
    assert altered_endpoint(SIGNED_IN, ["abcdef123"], Access.NONE).headers == (("X-Team", "red"),)
    cookies = Endpoint("127.0.0.1", 80, headers=(("Cookie", "theme=dark; sid=0123abcd"),))
    assert altered_endpoint(cookies, ["0123abcd"], Access.NONE).headers == (("Cookie", "theme=dark"),)
    message = altered_message(json.dumps({"login": {"user": "a", "password": "opensesame"}}), [], Access.NONE)
    assert json.loads(message) == {"login": {"user": "a"}}


def test_wrong_credentials_have_the_same_shape_and_another_value() -> None:
    wrong = altered_endpoint(SIGNED_IN, ["abcdef123"], Access.WRONG).headers[0][1]
    assert wrong == "Bearer hijklm890"
    header, claims, signature = TOKEN.split(".")
    token = altered_endpoint(HERE.at(f"/ws?token={TOKEN}"), [TOKEN], Access.WRONG).path.partition("=")[2]
    assert token.split(".")[:2] == [header, claims]
    assert token.split(".")[2] != signature
    unsigned = altered_endpoint(HERE.at(f"/ws?token={TOKEN}"), [TOKEN], Access.UNSIGNED).path.partition("=")[2]
    assert unsigned.split(".")[1:] == [claims, ""]


def test_the_credentials_of_another_member_replace_each_of_the_own_ones() -> None:
    others = exchanged_credentials(("abcdef123", "same"), ("ghijkl456", "same"))
    assert others == {"abcdef123": "ghijkl456"}
    assert exchanged_credentials(("one",), ("one", "two")) == {}
    endpoint = altered_endpoint(SIGNED_IN.at("/ws?token=abcdef123&room=0"), (), Access.OTHER_ROOM, others)
    assert endpoint.path == "/ws?token=ghijkl456&room=0"
    assert endpoint.headers[0] == ("Authorization", "Bearer ghijkl456")
    assert altered_message('{"token": "abcdef123"}', (), Access.OTHER_ROOM, others) == '{"token": "ghijkl456"}'


def test_only_credentials_that_can_be_altered_are_tested() -> None:
    name = ByName({}).name_of(0)
    values = credentials_of(ByName({}), 0, own(ByName({})))
    assert can_try(Access.NONE, values, name)
    assert not can_try(Access.WRONG, values, name)
    assert not can_try(Access.UNSIGNED, ["abcdef123"], name)


def test_the_origin_is_tested_only_with_cookies_or_named_origins() -> None:
    assert origin_matters(WithCookie({}), own(WithCookie({})))
    assert origin_matters(OneOrigin({}), own(OneOrigin({})))
    assert not origin_matters(Room({}), own(Room({}), SIGNED_IN))


def test_the_cookie_of_a_member_is_read_only_after_its_login() -> None:
    workload = LoggedIn({})
    assert {"access", "origin"} <= {checked.name for checked in properties_of(guarded(LoggedIn)({}), HERE)}
    assert prepared(workload, 0, HERE.http_url) == ""
    assert origin_matters(workload, own(workload))
