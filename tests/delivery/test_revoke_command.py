"""Tests of members that lose their access by a command or a request of the user (`--revoke`)."""

from __future__ import annotations

import urllib.request
from contextlib import nullcontext
from typing import Any

import pytest

from wsproof import JoinRefused, UsageError, Workload
from wsproof.delivery import properties_of
from wsproof.delivery.revoke_command import require_member_in, with_revoke
from wsproof.workloads import load_channels

HERE = "http://127.0.0.1:8000"


def chat(order: str) -> Workload:
    return with_revoke(load_channels("tutorial"), order)["chat"]


def test_with_the_option_revoke_every_shared_channel_is_checked_for_revoked_access() -> None:
    assert not chat("").has_revoke
    assert chat("logout {n}").has_revoke
    assert "revoked-access" in {checked.name for checked in properties_of(chat("logout {n}"))}


def test_a_command_gets_the_number_and_the_name() -> None:
    chat("test {n} = 4 && test {name} = 4").revoke(3, HERE)
    with pytest.raises(JoinRefused, match="exit code 1"):
        chat("test {n} = 5").revoke(3, HERE)


def test_a_name_is_one_argument_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = chat("test {name} = 'a b; exit 1'")
    monkeypatch.setattr(type(workload), "name_of", lambda self, member: "a b; exit 1")
    chat("test {name} = 'a b; exit 1'").revoke(3, HERE)


@pytest.mark.parametrize(
    ("order", "url", "headers"),
    [
        (f"{HERE}/users/{{name}}/logout", f"{HERE}/users/a%2Fb/logout", {"Cookie": "id=4"}),
        ("http://127.0.0.1:9000/{n}", "http://127.0.0.1:9000/4", {}),  # another server gets no credentials
    ],
)
def test_a_url_is_posted_to(order: str, url: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[urllib.request.Request] = []

    def urlopen(request: urllib.request.Request, timeout: float) -> Any:
        sent.append(request)
        return nullcontext()

    kind = type(load_channels("tutorial")["chat"])
    monkeypatch.setattr(kind, "name_of", lambda self, member: "a/b")
    monkeypatch.setattr(kind, "headers", lambda self, member: {"Cookie": f"id={self.base + member}"})
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    chat(order).revoke(3, HERE)
    assert [(request.full_url, request.get_method(), dict(request.header_items())) for request in sent] == [
        (url, "POST", headers)
    ]


def test_a_request_that_fails_revokes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(request: urllib.request.Request, timeout: float) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(JoinRefused, match="Connection refused"):
        chat(f"{HERE}/{{n}}").revoke(3, HERE)


def test_a_revocation_that_names_no_member_is_refused() -> None:
    require_member_in("")
    require_member_in("logout {n}")
    with pytest.raises(UsageError, match=r"expected --revoke to say whose access is revoked"):
        require_member_in("./logout.sh")
