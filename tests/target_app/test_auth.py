"""Tests of authentication: tokens in every form, refusals that a browser sees, expiry, refresh and logout."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr

from target_app.messages import PROTOCOL
from target_app.services import Services
from target_app.settings import Settings
from target_app.tokens import InvalidToken, Tokens
from tests.target_app.conftest import StartServer
from tests.target_app.people import SECRET, Person, close_of, dial, log_in, make_token, post, users_with
from tests.target_app.server import LOCALLY, Server, running

ROOM = "/rooms/auth"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET, "users": users_with(admins=("ada",))}) as started:
        yield started


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET, "auth_timeout": 0.5}) as started:
        yield started


def origin_of(server: Server) -> str:
    return server.url("", "http")


Handshake = Callable[[Server, str], dict[str, Any]]

WAYS: dict[str, Handshake] = {
    "subprotocol": lambda server, token: {"subprotocols": [PROTOCOL, f"bearer.{token}"]},
    "header": lambda server, token: {"additional_headers": {"Authorization": f"Bearer {token}"}},
    "cookie": lambda server, token: {
        "additional_headers": {"Cookie": f"target_app_token={token}"},
        "origin": origin_of(server),
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_a_token_in_the_handshake_is_accepted(server: Server, way: str) -> None:
    token = make_token("ada", roles=("admin",))
    with dial(server, ROOM, **WAYS[way](server, token)) as socket:
        welcome = Person(socket).read()
        assert (welcome["type"], welcome["user"], welcome["roles"]) == ("welcome", "ada", ["admin"])
        assert socket.subprotocol == (PROTOCOL if way == "subprotocol" else None)


def test_a_token_in_the_first_message_is_accepted(server: Server) -> None:
    with dial(server, ROOM) as socket:
        ada = Person(socket)
        ada.send("authenticate", token=make_token("ada"))
        assert ada.read()["user"] == "ada"


def test_a_token_in_the_query_is_accepted_and_is_in_no_log(start_server: StartServer) -> None:
    server = start_server(secret=SECRET)
    token = make_token("ada")
    with dial(server, f"{ROOM}?token={token}&also=this") as socket:
        assert Person(socket).read()["user"] == "ada"
    server.get(f"/healthz?access_token={token}")
    with dial(server, f"/ws?token=not-even-a-jwt-{token}") as socket:
        pass
    server.stop()
    log = server.log()
    assert "token=[redacted]" in log
    assert "deprecated" in log
    for part in token.split("."):
        assert part not in log
    assert "not-even-a-jwt" not in log


def test_the_welcome_lists_limits_and_close_codes(server: Server) -> None:
    with dial(server, ROOM, **WAYS["header"](server, make_token("ada"))) as socket:
        welcome = Person(socket).read()
        assert welcome["limits"]["message_bytes"] == 65_536
        assert welcome["limits"]["messages_burst"] == 200
        assert {"1008", "1013", "4001", "4002", "4007"} <= welcome["close_codes"].keys()
        assert 590 < welcome["expires_in"] <= 600


def forged(claims: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    now = int(time.time())
    good = {"iss": "target_app", "aud": "target_app", "sub": "ada", "roles": [], "iat": now, "exp": now + 60}
    return jwt.encode({k: v for k, v in (good | claims).items() if v is not None}, key, algorithm)


# Created on use: a token that is created when tests are collected may have expired before its test runs.
BAD_TOKENS: dict[str, tuple[Callable[[], str], str]] = {
    "garbage": (lambda: "nonsense", "invalid_token"),
    "another key": (lambda: make_token("ada", secret="somebody else's secret, just as long"), "invalid_token"),
    "no signature": (lambda: forged({}, "", "none"), "invalid_token"),
    "another algorithm": (lambda: forged({}, SECRET * 3, "HS512"), "invalid_token"),
    "expired": (lambda: make_token("ada", lifetime=-5), "token_expired"),
    "never expires": (lambda: forged({"exp": None}), "invalid_token"),
    "for another audience": (lambda: forged({"aud": "another"}), "invalid_token"),
    "from another issuer": (lambda: forged({"iss": "another"}), "invalid_token"),
    "nobody's": (lambda: forged({"sub": None}), "invalid_token"),
    "huge": (lambda: "e" * 5_000, "invalid_token"),
}


@pytest.mark.parametrize("case", BAD_TOKENS)
def test_a_bad_token_is_refused_after_the_upgrade_so_that_a_browser_sees_why(server: Server, case: str) -> None:
    make, reason = BAD_TOKENS[case]
    with dial(server, f"{ROOM}?token={make()}") as socket:
        error = Person(socket).read()
        assert (error["type"], error["code"]) == ("error", "unauthenticated")
        assert close_of(socket) == (1008, reason)


@pytest.mark.parametrize("first", ['{"type":"say","id":"1","text":"hi"}', "no json", '{"type":"authenticate"}'])
def test_the_first_message_has_to_be_a_token(server: Server, first: str) -> None:
    with dial(server, ROOM) as socket:
        socket.send(first)
        assert close_of(socket) == (1008, "authenticate_first")


def test_a_client_without_a_token_in_time_is_closed(impatient: Server) -> None:
    with dial(impatient, ROOM) as socket:
        assert close_of(socket) == (4002, "auth_timeout")


def test_a_cookie_without_an_origin_does_not_count(impatient: Server) -> None:
    with dial(impatient, ROOM, additional_headers={"Cookie": f"target_app_token={make_token('ada')}"}) as socket:
        assert close_of(socket) == (4002, "auth_timeout")


def me(server: Server, host: str, path: str = "/auth/me", **headers: str) -> int:
    """Return the status of a request with a valid cookie to this server under that host name."""
    headers |= {"Host": host, "Cookie": f"target_app_token={make_token('ada')}"}
    return httpx.get(server.url(path, "http"), headers=headers, **LOCALLY).status_code


def test_a_cookie_is_accepted_where_browsers_send_no_origin(server: Server) -> None:
    """Over plain HTTP, browsers send Sec-Fetch-Site to loopback only."""
    for host in ("192.0.2.1:8000", "[2001:db8::1]"):
        assert me(server, host) == 200
        assert me(server, host, **{"Sec-Fetch-Site": "same-site"}) == 401
        assert me(server, host, Origin="http://evil.example") == 403
        cookie = {"Host": host, "Cookie": f"target_app_token={make_token('ada')}"}
        assert httpx.post(server.url("/auth/refresh", "http"), headers=cookie, **LOCALLY).status_code == 401
        own = cookie | {"Origin": f"http://{host}"}
        assert httpx.post(server.url("/auth/refresh", "http"), headers=own, **LOCALLY).status_code == 200
    for host in ("localhost", "127.0.0.1", "[::1]:8000"):
        assert me(server, host) == 401
        assert me(server, host, **{"Sec-Fetch-Site": "same-origin"}) == 200


def test_an_unknown_protocol_version_has_its_own_error(server: Server) -> None:
    with dial(server, ROOM, subprotocols=["target_app.v9"]) as socket:
        assert close_of(socket) == (4005, "protocol_version")


def test_a_token_expires_during_the_connection(server: Server) -> None:
    with dial(server, f"{ROOM}?token={make_token('ada', lifetime=3)}") as socket:
        assert Person(socket).wait("token_expiring")["expires_in"] < 3
        assert close_of(socket) == (4001, "token_expired")


def test_a_refreshed_connection_outlives_its_first_token(server: Server) -> None:
    began = time.monotonic()
    with dial(server, f"{ROOM}?token={make_token('ada', lifetime=5)}") as socket:
        ada = Person(socket)
        ada.wait("token_expiring")  # in the last quarter
        ada.send("refresh", token=make_token("ada", lifetime=600))
        assert ada.wait("refreshed")["expires_in"] > 500
        while time.monotonic() < began + 5.5:  # longer than the lifetime of the first token
            ada.send("ping", id=3)
            assert ada.wait("pong")["id"] == 3
            time.sleep(0.1)


def test_a_refresh_cannot_change_the_user(server: Server) -> None:
    with dial(server, f"{ROOM}?token={make_token('ada')}") as socket:
        Person(socket).send("refresh", token=make_token("grace"))
        assert close_of(socket) == (1008, "token_of_another_user")


def test_roles_are_those_that_the_user_has_now(start_server: StartServer) -> None:
    server = start_server(secret=SECRET, users=users_with("demoted", admins=("kept", "promoted")))
    tokens = {name: make_token(name, roles=("admin",)) for name in ("kept", "demoted", "removed")}
    tokens["promoted"] = make_token("promoted")

    def get(path: str, name: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {tokens[name]}"}
        return httpx.get(server.url(path, "http"), headers=headers, **LOCALLY)

    assert [get("/admin/connections", name).status_code for name in tokens] == [200, 403, 403, 200]
    assert [get("/auth/me", name).json()["roles"] for name in tokens] == [["admin"], [], [], ["admin"]]
    for name, roles in (("kept", ["admin"]), ("demoted", []), ("removed", []), ("promoted", ["admin"])):
        with dial(server, f"/notifications?token={tokens[name]}") as socket:
            assert Person(socket).read()["roles"] == roles
    newer = [post(server, "/auth/refresh", token) for token in tokens.values()]
    assert [answer.json().get("roles") for answer in newer] == [["admin"], [], None, ["admin"]]
    assert (newer[2].status_code, newer[2].json()["detail"]) == (401, "unknown_user")


def test_demo_users_log_in_and_refresh(server: Server) -> None:
    token = log_in(server, "admin")
    newer = post(server, "/auth/refresh", token).json()
    assert (newer["user"], newer["roles"], newer["token_type"]) == ("admin", ["admin"], "bearer")
    with dial(server, f"{ROOM}?token={newer['access_token']}") as socket:
        assert Person(socket).read()["roles"] == ["admin"]


def test_a_login_can_set_a_cookie_that_no_script_reads(server: Server) -> None:
    answer = post(server, "/auth/token", username="user", password="user", cookie=True)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_wrong_password_and_an_unknown_name_look_the_same(server: Server) -> None:
    answers = [post(server, "/auth/token", username=name, password="wrong") for name in ("user", "nobody at all")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_too_many_wrong_passwords_delay_only_that_user(start_server: StartServer) -> None:
    server = start_server(secret=SECRET, logins_per_minute=3)
    codes = [post(server, "/auth/token", username="user", password=f"guess {n}").status_code for n in range(5)]
    assert codes == [401, 401, 401, 429, 429]
    assert post(server, "/auth/token", username="user", password="user").headers["retry-after"] == "60"
    assert log_in(server, "admin")


def test_logout_closes_all_sockets_of_that_user_and_of_no_other(server: Server) -> None:
    token = log_in(server, "user")
    other = make_token("grace")
    with (
        dial(server, f"{ROOM}?token={token}") as one,
        dial(server, f"/notifications?token={token}") as two,
        dial(server, f"{ROOM}?token={other}") as grace,
    ):
        for socket in (one, two, grace):
            assert Person(socket).read()["type"] == "welcome"
        assert post(server, "/auth/logout", token).status_code == 204
        assert close_of(one) == close_of(two) == (1008, "logged_out")
        Person(grace).send("ping", id=1)
        assert Person(grace).wait("pong")["id"] == 1
    with dial(server, f"{ROOM}?token={token}") as socket:
        assert close_of(socket) == (1008, "logged_out")
    assert post(server, "/auth/refresh", token).status_code == 401
    assert log_in(server, "user") != token


def test_http_asks_for_a_token(server: Server) -> None:
    answer = post(server, "/auth/refresh")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_password_never_reaches_the_log(server: Server) -> None:
    body = {"username": "user", "password": ["unusual-password"]}
    answer = httpx.post(server.url("/auth/token", "http"), content=json.dumps(body), **LOCALLY)
    assert answer.status_code == 422
    assert "unusual-password" not in server.log()


@pytest.mark.parametrize(("ahead", "is_good"), [(0.0, True), (4.0, True), (60.0, False)])
def test_another_hosts_clock_may_be_ahead_by_seconds(
    monkeypatch: pytest.MonkeyPatch, ahead: float, is_good: bool
) -> None:
    tokens, now = Tokens(Services.build(Settings(secret=SecretStr(SECRET)))), time.time()
    with monkeypatch.context() as there:
        there.setattr(time, "time", lambda: now + ahead)
        token = tokens.issue("ada", frozenset())
    try:
        assert tokens.read(token).user == "ada"
    except InvalidToken:
        assert not is_good
    else:
        assert is_good


@pytest.mark.parametrize("claims", [{"sub": "\ud800"}, {"sub": "a\nb"}, {"exp": 10**400}], ids=["half", "line", "exp"])
def test_a_signed_token_with_unusable_claims_is_invalid(claims: dict[str, Any]) -> None:
    """Whoever has the secret could send them, such as another program that shares it."""
    tokens = Tokens(Services.build(Settings(secret=SecretStr(SECRET))))
    usual = jwt.decode(tokens.issue("ada", frozenset()), options={"verify_signature": False})
    with pytest.raises(InvalidToken, match="invalid_token"):
        tokens.read(jwt.encode({**usual, **claims}, SECRET, "HS256"))
