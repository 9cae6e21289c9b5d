"""Tests of header names and values between the wire and an ASGI app: allowed changes, and faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproof import Verdict
from wsproof.conformance.robustness.scope_headers import SENT, Headers, altered
from wsproof.conformance.suite import replay, run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.target.server import serve
from wsproof.target.servers import SERVERS, AsgiServer
from wsproof.target.target import parse_target

ROOT = Path(__file__).parents[3]
PLAIN = SENT[0]
OTHERS = (("host", "127.0.0.1"), ("x-forwarded-for", "127.0.0.1"))


def lower(sent: Headers) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in sent]


def joined(sent: Headers) -> list[tuple[str, str]]:
    values: dict[str, list[str]] = {}
    for name, value in lower(sent):
        values.setdefault(name, []).append(value)
    return [(name, ", ".join(all_of_name)) for name, all_of_name in values.items()]


@pytest.mark.parametrize("sent", SENT)
def test_header_changes_that_asgi_allows_are_no_fault(sent: Headers) -> None:
    assert altered(sent, [*OTHERS, *lower(sent)]) == []
    assert altered(sent, [(name.upper(), value) for name, value in sent]) == []
    assert altered(sent, joined(sent)) == []
    assert altered(sent, [(name, value.replace(", ", ",")) for name, value in joined(sent)]) == []
    assert altered(sent, sorted(lower(sent), key=lambda header: header[0])) == []


@pytest.mark.parametrize("sent", SENT)
def test_a_server_may_drop_names_with_unusual_characters(sent: Headers) -> None:
    usual = [header for header in lower(sent) if not set(header[0]) & set("_.")]
    assert altered(sent, usual) == []


def test_a_missing_header_is_a_fault() -> None:
    assert altered(PLAIN, lower(PLAIN)[1:]) == ["x-wsproof-one did not arrive"]


@pytest.mark.parametrize("keeps", ["first", "last", "both"])
def test_confused_header_names_are_a_fault_whichever_value_survives(keeps: str) -> None:
    faults: list[str] = []
    for sent in SENT:
        arrived: dict[str, list[str]] = {}
        for name, value in lower(sent):
            arrived.setdefault(name.replace("_", "-"), []).append(value)
        selection = {"first": slice(0, 1), "last": slice(-1, None), "both": slice(None)}[keeps]
        others = {name: values if name == "x-wsproof-twice" else values[selection] for name, values in arrived.items()}
        faults += altered(sent, [(name, value) for name, values in others.items() for value in values])
    assert any("x-wsproof-a-b" in clause for clause in faults)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda sent: list(dict(lower(sent)).items()), "x-wsproof-twice: 'first' and 'second' arrived as 'second'"),
        (lambda sent: lower(sent)[::-1], "x-wsproof-twice: 'first' and 'second' arrived as 'second' and 'first'"),
        (lambda sent: [*lower(sent), lower(sent)[0]], "x-wsproof-one: 'one' arrived as 'one' and 'one'"),
        (lambda sent: [(name[:13], value) for name, value in lower(sent)], "x-wsproof-one-more did not arrive"),
        (lambda sent: [(f"http_{name}".replace("-", "_"), value) for name, value in sent], "did not arrive"),
        (lambda sent: [(name, value.partition(":")[0]) for name, value in lower(sent)], "arrived as 'lower'"),
    ],
    ids=["last-of-two", "reversed", "twice", "cut", "environment", "value-cut"],
)
def test_other_changes_are_faults(fault: object, words: str) -> None:
    assert callable(fault)
    assert words in "; ".join(altered(PLAIN, fault(PLAIN)))


def test_a_server_that_confuses_header_names_is_reported_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "tests.target.apps.confusing_server"
    entry = AsgiServer("confusing", module, lambda app, _, port: [app, str(port)], ("uvicorn",), "uvicorn")
    monkeypatch.setitem(SERVERS, entry.name, entry)
    target = parse_target("tests.target.apps.echo:app", server="confusing", path="/", cwd=ROOT)
    with serve(target) as server:
        report = run_suite(server, SuiteOptions(only=("scope-headers",)))
        (finding,) = report.findings
        again = replay(finding.recipe or {}, server.endpoint, 5.0, pid=server.pid, server=server)
    assert (finding.check, finding.section, finding.reproduced) == ("scope-headers", "RFC 9110 5.1", "1 of 1")
    assert "x-wsproof-a-b" in finding.explanation
    assert [row.check for row in again] == ["scope-headers"]


def test_uvicorn_passes_the_header_check() -> None:
    with serve(parse_target("tests.target.apps.echo:app", path="/", cwd=ROOT)) as server:
        report = run_suite(server, SuiteOptions(only=("scope-headers",)))
    assert [(row.check, row.verdict, row.examples) for row in report.checks_run] == [
        ("scope-headers", Verdict.VALID, len(SENT))
    ]


def test_a_url_target_skips_the_header_check() -> None:
    with serve(parse_target("tests.target.apps.echo:app", path="/", cwd=ROOT)) as running:
        url = f"ws://127.0.0.1:{running.endpoint.port}/"
        with serve(parse_target(url)) as server:
            report = run_suite(server, SuiteOptions(only=("scope-headers",)))
    assert report.checks_run == ()
    assert report.not_run[0].reason.startswith("not checked: it needs an ASGI server that is started here")
