"""Tests of all endpoint options, with a server on another library that reports what it saw."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.load.conftest import Serve, follow, small_plan
from wsproof import Measurement, TargetError, UsageError, parse_sizes
from wsproof.checks import run_checks
from wsproof.load.worker.connector import Connector
from wsproof.model.history import Departure, Kind
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import does_kernel_stamp
from wsproof.stats.trust import judge_trust
from wsproof.target.target import parse_target

SERVER = Path(__file__).with_name("options_server.py")
MEMBERS = 5


@dataclass
class OptionsServer:
    """A running server. Its report is available once it has ended."""

    endpoint: Endpoint
    seen: dict[str, Any] = field(default_factory=dict)


@contextmanager
def serving_with(**endpoint_options: Any) -> Iterator[OptionsServer]:
    process = subprocess.Popen(
        [sys.executable, str(SERVER), json.dumps(endpoint_options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        running = OptionsServer(
            Endpoint("127.0.0.1", port or 80, tls="tls" in endpoint_options, unix=endpoint_options.get("unix"))
        )
        yield running
        process.stdin.close()
        running.seen |= json.loads(process.stdout.read())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait(90)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a key and a self-signed certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "wsproof test")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    signed = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


def plan(**changes: Any) -> Plan:
    return replace(small_plan(subscribers=MEMBERS, publishers=2, drain_s=90.0, ramp_s=90.0), **changes)


def require_whole(measurement: Measurement) -> None:
    """Check that every member received every publication once and in order, and that no rule was broken."""
    history = measurement.history
    assert run_checks(history, measurement.contract) == []
    assert [*history.protocol, *history.unexpected] == []
    assert Counter(history.receipts.kind.tolist())[Kind.DELIVERY] >= MEMBERS * (len(history.publications) - MEMBERS)
    assert {member.departure for member in history.members} == {Departure.STAYED}


@pytest.mark.parametrize(("loop", "insecure"), [("auto", False), ("asyncio", True)])
def test_tls_accepts_a_trusted_certificate_or_any_if_asked(certificate: Path, loop: str, insecure: bool) -> None:
    with serving_with(tls=str(certificate)) as server:
        trusted = replace(server.endpoint, insecure=True) if insecure else replace(server.endpoint, ca=str(certificate))
        measurement = follow(plan(), trusted, loop=loop)
    require_whole(measurement)
    assert measurement.generator.stamps.clock == ("kernel" if does_kernel_stamp() else "user")


def test_an_untrusted_certificate_is_given_as_the_reason_for_failed_connects(certificate: Path) -> None:
    with serving_with(tls=str(certificate)) as server, pytest.raises(TargetError, match=r"(?i)certificate"):
        follow(plan(), server.endpoint)


def test_the_engine_connects_through_a_unix_socket(tmp_path: Path) -> None:
    with serving_with(unix=str(tmp_path / "s")) as server:
        require_whole(follow(plan(), server.endpoint))
    assert server.seen["connections"] == MEMBERS


def test_a_unix_socket_is_named_beside_a_url() -> None:
    target = parse_target("ws://localhost/ws", unix="/run/app.sock")
    assert target.endpoint(Endpoint("localhost", 80)).unix == "/run/app.sock"
    with pytest.raises(UsageError, match="--unix needs a URL"):
        parse_target("shop.asgi:app", unix="/run/app.sock")


def test_subprotocol_and_token_are_in_every_handshake() -> None:
    with serving_with(subprotocol="chat.v2", token="s3cret") as server:
        endpoint = replace(
            server.endpoint, subprotocols=("other", "chat.v2"), headers=(("Authorization", "Bearer s3cret"),)
        )
        require_whole(follow(plan(), endpoint))
    assert server.seen["subprotocol chat.v2"] == server.seen["connections"] == MEMBERS


def test_without_the_token_every_handshake_is_refused_and_the_status_is_reported() -> None:
    with serving_with(token="s3cret") as server, pytest.raises(TargetError, match="401"):
        follow(plan(), server.endpoint)


@pytest.mark.parametrize(("offered", "accepted"), [(True, True), (True, False), (False, True)])
def test_deflate_is_used_if_offered_and_accepted(offered: bool, accepted: bool) -> None:
    with serving_with(deflate=accepted) as server:
        measurement = follow(plan(deflate=offered, publishers=3, processes=2), server.endpoint)
    require_whole(measurement)
    agreed = MEMBERS if offered and accepted else 0
    assert server.seen["deflate"] == measurement.generator.deflated == agreed
    is_declined = "deflate-declined" in {caution.code for caution in judge_trust(measurement)}
    assert is_declined is (offered and not accepted)


def test_messages_have_the_requested_sizes() -> None:
    with serving_with() as server:
        require_whole(follow(plan(sizes=parse_sizes("150:3,70000:1"), processes=2), server.endpoint))
    assert set(server.seen["lengths"]) == {150, 70_000}


def test_connections_open_at_the_requested_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    now, turns = 1_000, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += round(seconds * 1e9 / 2) + 1  # a timer that rings too early

    async def take_turns() -> None:
        nonlocal now
        connector = Connector(Endpoint("127.0.0.1", 1), cast(Any, None), cast(Any, None), gap_s=0.05)
        for busy_ns in (0, 3, 200_000_000, 0):
            await connector._wait_for_turn()
            turns.append(now)
            now += busy_ns

    monkeypatch.setattr("wsproof.load.worker.connector.now_ns", lambda: now)
    monkeypatch.setattr("wsproof.load.worker.connector.asyncio.sleep", sleep)
    asyncio.run(take_turns())
    assert (np.diff(turns) >= 50_000_000).all()
    assert np.diff(turns).tolist()[1] < 51_000_000


def test_a_connect_rate_connects_everybody() -> None:
    with serving_with() as server:
        require_whole(follow(plan(connect_hz=500.0, processes=2), server.endpoint))
    assert server.seen["connections"] == MEMBERS


def test_stepwise_subscribers_are_expected_to_receive_messages_from_their_join_on(serve: Serve) -> None:
    stepwise = replace(small_plan(subscribers=6, duration_s=0.9, drain_s=90.0, ramp_s=90.0), steps=3)
    with serve("fair") as endpoint:
        measurement = follow(stepwise, endpoint)
    history = measurement.history
    assert run_checks(history, measurement.contract) == []
    joined = [member.connected_ns for member in history.members]
    assert max(joined[:2]) < history.start_ns
    third = 300_000_000
    for members, step in ((joined[2:4], 1), (joined[4:], 2)):
        assert min(members) >= history.start_ns + step * third - 2_000_000
    receipts = history.receipts
    counts = [int((receipts.subscriber == number).sum()) for number in range(6)]
    assert min(counts[:2]) > max(counts[2:])
    assert all(member.in_ns for member in history.members)


@pytest.mark.parametrize(("steps", "publishers"), [(0, 1), (6, 1), (2, 4)])
def test_invalid_steps_are_a_usage_error(steps: int, publishers: int) -> None:
    with pytest.raises(UsageError, match="cannot join in"):
        follow(plan(steps=steps, publishers=publishers), Endpoint("127.0.0.1", 1))
