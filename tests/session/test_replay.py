"""Tests of the output of a replay, and of the target information that it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsproof import Finding, Level, UsageError
from wsproof.cli.parser import parse_command
from wsproof.delivery.revoke_command import with_revoke
from wsproof.errors import ExitCode
from wsproof.model.chapter import RuleKind
from wsproof.model.finding import Anomaly
from wsproof.model.reference_server import SECRET
from wsproof.model.secrecy import MARK
from wsproof.session.replay import attempts, outcome, require_orders, restore
from wsproof.workloads import load_channels

FOUND = Finding("ping-answered", "5.5.2", Anomaly.PROTOCOL, Level.VIOLATION, "It does not answer.")
OTHER = replace(FOUND, check="opening-accepted")
UNKNOWN = replace(FOUND, anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL)


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], ExitCode.OK),
        ([FOUND], ExitCode.FAILED),
        ([replace(FOUND, level=Level.NON_STRICT)], ExitCode.FAILED),
        ([UNKNOWN], ExitCode.CANNOT_TELL),
        ([replace(UNKNOWN, check="received")], ExitCode.CANNOT_TELL),
        ([OTHER], ExitCode.FAILED),
        ([replace(OTHER, accepted="known upstream")], ExitCode.OK),
    ],
)
def test_a_replay_that_did_not_reach_the_finding_does_not_pass(findings: list[Finding], code: ExitCode) -> None:
    assert outcome(FOUND, findings)[2] is code


def test_the_options_that_reached_the_target_are_remembered() -> None:
    options = restore(
        parse_command(["replay", "f.json", "--header", "X-Room: 9"]).options,
        {
            "kind": "command",
            "spec": "cmd:serve {port}",
            "server": "command",
            "path": "/ws",
            "ready": "http://127.0.0.1:{port}/up",
            "env": {"MODE": "test"},
            "headers": {"x-room": "7", "X-More": "yes"},
            "subprotocols": ["v1"],
            "origin": "http://a.test",
        },
    )
    assert (options.target, options.path, options.ready) == (
        "cmd:serve {port}",
        "/ws",
        "http://127.0.0.1:{port}/up",
    )
    assert options.header == ("X-Room: 9", "X-More: yes")
    assert (options.env, options.subprotocol, options.origin) == (("MODE=test",), ("v1",), "http://a.test")


def test_a_finding_records_how_the_target_was_reached() -> None:
    recorded = {"kind": "url", "spec": "wss://a.test/ws", "unix": "/run/a.sock", "ca": "/a.pem", "insecure": 1}
    options = restore(parse_command(["replay", "f.json"]).options, recorded)
    assert (options.unix, options.ca, options.insecure) == ("/run/a.sock", "/a.pem", True)


def test_a_secret_that_was_not_stored_must_be_given_again() -> None:
    recorded = {"kind": "asgi", "spec": "shop:app", "headers": {"Authorization": "[redacted]"}}
    with pytest.raises(UsageError, match=r"Authorization.*--token"):
        restore(parse_command(["replay", "f.json"]).options, recorded)
    options = restore(parse_command(["replay", "f.json", "--token", "again"]).options, recorded)
    assert options.header == ()


DIED = replace(FOUND, check="process-ended", kind=RuleKind.SERVICE)


def test_a_server_that_crashes_again_is_never_reported_as_fixed() -> None:
    shown, output, code = outcome(FOUND, [DIED])
    assert (shown, code) == ([DIED], ExitCode.FAILED)
    assert "does not happen again" not in output
    assert outcome(replace(DIED, check="other-clients-served"), [DIED])[1] == "It happens again."
    assert outcome(replace(DIED, check="served-after-churn"), [replace(DIED, check="other-clients-served")])[0]


@pytest.mark.parametrize(("reproduced", "tries"), [(None, 1), ("3 of 3", 1), ("1 of 3", 10), ("0 of 3", 10)])
def test_an_intermittent_finding_is_replayed_several_times(reproduced: str | None, tries: int) -> None:
    assert attempts(replace(FOUND, reproduced=reproduced)) == tries


def test_an_unrepeated_finding_is_replayed_several_times() -> None:
    assert attempts(replace(FOUND, level=Level.OBSERVATION)) > 1


def test_an_unreproduced_finding_gives_the_number_of_attempts() -> None:
    _, output, code = outcome(replace(FOUND, reproduced="1 of 3"), [], 10)
    assert code is ExitCode.OK
    assert "in 10 attempts" in output
    assert "1 of 3" in output


def test_a_secret_that_the_channels_generate_need_not_be_given_again() -> None:
    recorded = {"kind": "asgi", "spec": "shop:app", "channels": "reference", "env": {SECRET: MARK, "MODE": "test"}}
    options = restore(parse_command(["replay", "f.json"]).options, recorded)
    assert options.env == ("MODE=test",)
    with pytest.raises(UsageError, match=f"the variable {SECRET}"):
        restore(parse_command(["replay", "f.json"]).options, recorded | {"channels": "tutorial"})


@pytest.mark.parametrize(("name", "option"), [("recovery", "--disturb"), ("revoked-access", "--revoke")])
def test_a_command_that_the_finding_needs_must_be_given_again(name: str, option: str) -> None:
    workloads, recipe = load_channels("tutorial"), {"property": name, "workload": "chat"}
    with pytest.raises(UsageError, match=f"give {option} again"):
        require_orders(recipe, workloads, "")
    require_orders(recipe, with_revoke(workloads, "logout {n}"), "docker restart redis")
    require_orders(recipe | {"property": "delivery"}, workloads, "")
