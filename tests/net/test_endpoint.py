from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wsproof.model.secrecy import learned
from wsproof.net.endpoint import Endpoint, is_loopback, parse_url


@pytest.mark.parametrize(
    ("endpoint", "url", "host"),
    [
        (Endpoint("localhost", 80), "ws://localhost/", "localhost"),
        (Endpoint("localhost", 443), "ws://localhost:443/", "localhost:443"),
        (Endpoint("localhost", 443, tls=True), "wss://localhost/", "localhost"),
        (Endpoint("::1", 8000, "/ws"), "ws://[::1]:8000/ws", "[::1]:8000"),
        (Endpoint("h", 1, "/ws?token=sesame&room=2"), "ws://h:1/ws?token=[redacted]&room=2", "h:1"),
    ],
)
def test_url_and_host_header_leave_out_the_default_port(endpoint: Endpoint, url: str, host: str) -> None:
    assert (endpoint.url, endpoint.host_header) == (url, host)


def test_at_changes_only_the_path() -> None:
    endpoint = Endpoint("h", 1, "/a", headers=(("A", "b"),))
    assert endpoint.at("/b?c=d") == Endpoint("h", 1, "/b?c=d", headers=(("A", "b"),))
    assert endpoint.at("räume/1 2").path == "/r%C3%A4ume/1%202"


@pytest.mark.parametrize(
    ("own", "path", "whole"),
    [
        ("/", "/ws/1", "/ws/1"),
        ("/ws?token=T", "/ws/1", "/ws/1?token=T"),
        ("?token=T", "/ws/1", "/ws/1?token=T"),
        ("/ws?token=T", "/ws/1?room=2", "/ws/1?room=2"),
        ("/ws?token=T", "/ws/1?", "/ws/1?"),
    ],
)
def test_the_query_is_that_of_the_user_or_that_of_the_workload_and_never_both(own: str, path: str, whole: str) -> None:
    endpoint = parse_url(f"ws://127.0.0.1:1{own}")
    assert endpoint.channel(path).path == whole
    assert endpoint.at("/elsewhere?wire=1").channel(path).path == whole, (
        "the path where the protocol is checked does not matter"
    )


def test_an_endpoint_survives_json() -> None:
    endpoint = Endpoint(
        "h",
        1,
        "/p",
        True,
        (("A", "b"), ("A", "c")),
        ("s",),
        origin="o",
        ca="f",
        insecure=True,
        unix="/run/s",
        query="a=b",
    )
    assert Endpoint.from_json(json.loads(json.dumps(endpoint.to_json()))) == endpoint


def test_the_url_of_a_parsed_endpoint_is_the_one_that_was_parsed() -> None:
    for url in ("ws://localhost:8000/ws?a=b", "wss://[::1]/", "ws://127.0.0.1:1/a%20b"):
        assert parse_url(url).url == url


@pytest.mark.parametrize(
    ("host", "answer"), [("::ffff:127.0.0.1", True), ("::ffff:10.0.0.1", False), ("LOCALHOST.", True)]
)
def test_unusual_spellings_of_loopback_are_recognised(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_a_members_own_headers_replace_the_users_and_its_cookie_is_added() -> None:
    headers_of_user = (("Authorization", "Bearer all"), ("Cookie", "lang=en"), ("X-Other", "1"))
    endpoint = Endpoint("host", 80, headers=headers_of_user, subprotocols=("chat",))
    own = endpoint.with_own({"authorization": "Bearer one", "Cookie": "session=7"})
    assert own.headers == (("X-Other", "1"), ("authorization", "Bearer one"), ("Cookie", "lang=en; session=7"))
    assert own.subprotocols == ("chat",)
    assert endpoint.with_own({}) == endpoint
    assert endpoint.with_own({}, ["mqtt"]).subprotocols == ("mqtt",)


def test_the_placeholder_n_is_replaced_by_the_members_number_in_headers_path_and_query() -> None:
    endpoint = parse_url("ws://host/rooms/{n}?user=u{n}")
    endpoint = replace(endpoint, headers=(("X-User", "u{n}"), ("Authorization", "Bearer token-of-{n}")))
    seventh = endpoint.numbered(7)
    assert seventh.path == "/rooms/7?user=u7"
    assert seventh.channel("/feed").path == "/feed?user=u7"
    assert seventh.headers == (("X-User", "u7"), ("Authorization", "Bearer token-of-7"))
    assert {"Bearer token-of-7", "token-of-7"} <= set(learned())
    assert "u7" not in learned()
