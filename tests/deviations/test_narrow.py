"""Tests that known deviations of a library do not hide faults that the application may have caused."""

from __future__ import annotations

import pytest

from wsproof import Finding, Level
from wsproof.conformance.rules import rule
from wsproof.deviations import KnownDeviations, shipped_deviations
from wsproof.model.finding import Anomaly

LEGAL = "expected: a legal handshake to be accepted with 101"


@pytest.mark.parametrize(
    ("server", "check", "library", "application"),
    [
        (
            "uvicorn-websockets",
            "extra-headers",
            ("->   X-Latin: caf\\xe9", LEGAL, "got: it answered HTTP/1.1 500 Internal Server Error"),
            ("->   X-Forwarded-For: a, b", LEGAL, "got: it answered HTTP/1.1 500 Internal Server Error"),
        ),
        (
            "uvicorn-websockets",
            "connection-list",
            (LEGAL, "got: it answered HTTP/1.1 404 Not Found"),
            (LEGAL, "got: it ended TCP"),
        ),
        (
            "uvicorn-websockets-sansio",
            "header-limits",
            ("got: nothing came for 5 s",),
            ("got: it answered HTTP/1.1 500 Internal Server Error",),
        ),
        (
            "uvicorn-websockets-sansio",
            "control-not-counted",
            ("got: it sent a close frame with code 1009 and ended TCP",),
            ("got: it sent a close frame with code 1011 and ended TCP",),
        ),
        (
            "daphne",
            "payload-lengths",
            ("expected: the answer TEXT fin=1 mask=- len=0", "got: only the answer to a later message came"),
            ("expected: the answer TEXT fin=1 mask=- len=126", "got: only the answer to a later message came"),
        ),
        (
            "hypercorn",
            "deflate-offers",
            (LEGAL, "got: it ended TCP"),
            (LEGAL, "got: it answered HTTP/1.1 500 Internal Server Error"),
        ),
    ],
)
def test_only_evidence_of_the_library_is_covered(
    server: str, check: str, library: tuple[str, ...], application: tuple[str, ...]
) -> None:
    known = KnownDeviations(shipped=shipped_deviations(server, None))
    findings = [
        Finding(check, rule(check).section, Anomaly.PROTOCOL, Level.VIOLATION, evidence[-1], witness=evidence)
        for evidence in (library, application)
    ]
    assert [finding.accepted is not None for finding in known.mark(findings)] == [True, False]


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "granian", "daphne"])
@pytest.mark.parametrize("anomaly", [Anomaly.LOST, Anomaly.CORRUPT, Anomaly.STALLED_BY_OTHER_MEMBER])
def test_no_library_is_known_to_lose_or_alter_messages_of_a_channel(server: str, anomaly: Anomaly) -> None:
    known = KnownDeviations(shipped=shipped_deviations(server, None))
    finding = Finding("lost", "chat", anomaly, Level.VIOLATION, "Member 2 never got it.")
    assert known.mark([finding]) == (finding,)


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "granian", "daphne"])
def test_no_library_is_known_to_crash_or_to_stop_serving(server: str) -> None:
    checks = {deviation.check for deviation in shipped_deviations(server, None)}
    assert not {check for check in checks if check in ("process-ended", "other-clients-served") or "served-" in check}
