"""Tests that `wsproof doctor` reports the installation, and gives advice only if something is missing."""

from __future__ import annotations

import pytest

from tests.load.conftest import serving
from wsproof.cli import main
from wsproof.session.machine_report import (
    PARTS,
    clock_rows,
    connections_row,
    cores_row,
    part_rows,
    ports_rows,
    stamps_row,
)
from wsproof.session.target_report import handshake_row, message_row, server_row
from wsproof.wire.handshake import Response


def test_a_machine_with_enough_of_everything_gets_no_advice() -> None:
    rows = [cores_row(8, 8, None), connections_row(20_000), stamps_row(is_stamped=True)]
    rows += ports_rows("32768\t60999") + clock_rows("tsc") + part_rows(dict.fromkeys(PARTS, "1.0"))
    assert [row.advice for row in rows] == [""] * len(rows)
    assert "28,232 per source address, 32768 to 60999" in rows[3].value


def test_each_missing_part_gets_advice() -> None:
    assert "share one core" in cores_row(1, 8, 0.5).advice
    assert "a quota of 0.5" in cores_row(1, 8, 0.5).value
    assert "ulimit -Hn" in connections_row(192).advice
    assert "hpet is slow" in clock_rows("hpet")[0].advice
    assert "--strict-trust" in stamps_row(is_stamped=False).advice
    missing = part_rows({"locust": None, "uvloop": "0.22"})
    assert [(row.value, row.advice) for row in missing] == [
        ("uvloop 0.22", ""),
        ("locust, for wsproof load", "pip install 'wsproof[locust]'"),
    ]


def test_a_value_that_the_system_does_not_report_is_left_out() -> None:
    assert ports_rows("") == clock_rows("") == []


@pytest.mark.parametrize(
    ("status", "advice"), [(101, ""), (401, "a login may be needed"), (403, "a login may be needed"), (404, "--path")]
)
def test_the_status_of_the_handshake_determines_the_advice(status: int, advice: str) -> None:
    assert advice in handshake_row(Response(status)).advice
    assert bool(handshake_row(Response(status)).advice) is bool(advice)


def test_the_server_library_is_read_from_the_server_header() -> None:
    assert "--server-hint daphne" in server_row("url", Response(101, headers=(("Server", "Daphne"),))).advice
    assert server_row("url", Response(101, headers=(("server", "shop/1.0"),))).value == "sends Server: shop/1.0"
    assert server_row("command", Response(101)).value == "sends no Server header"
    assert server_row("uvicorn-wsproto", Response(101)).advice == ""


def test_the_reaction_to_a_message_is_reported_with_advice() -> None:
    assert message_row("text", answer=True, close=None, ended=False).value == "answered"
    assert message_row("text", answer=False, close=None, ended=False).value == "accepted, and not answered"
    assert "login may be needed" in message_row("text", answer=False, close=(4401, ""), ended=True).advice
    refused = message_row("binary", answer=False, close=(1003, "no bytes"), ended=True)
    assert (refused.value, "--sample" in refused.advice) == ("closes with code 1003 (no bytes)", True)
    assert "without a close frame" in message_row("JSON", answer=False, close=None, ended=True).value


def test_the_report_is_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert len(capsys.readouterr().out.splitlines()) < 30
    with serving("fair") as endpoint:
        assert main(["doctor", endpoint.url]) == 0
    report = capsys.readouterr().out
    assert f"target         {endpoint.url} at {endpoint.path}" in report
    assert "handshake      accepted" in report
    assert "text           " in report
    assert "binary         " in report
