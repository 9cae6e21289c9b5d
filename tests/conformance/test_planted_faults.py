"""Tests that each planted fault is found by its rule, and that the correct server passes."""

from __future__ import annotations

import pytest

from tests.faulty.faults import FAULTS
from tests.faulty.quiet import FULL_S
from tests.faulty.running import FaultyServer
from tests.slow import slow_except
from wsproof import Level, Verdict
from wsproof.conformance.rules.robustness import RULES_WITH_A_TEST
from wsproof.conformance.suite import PROPERTIES, replay, run_suite
from wsproof.model.suite import SuiteOptions

_OWN = {tested.name for tested in PROPERTIES}
# Rules without a property of their own, with the properties that test them.
_ON_THE_WAY = {
    "server-accept-wrong": ("opening-accepted", "header-names"),
    "server-subprotocol-not-offered": ("opening-accepted",),
    "server-extension-not-offered": ("opening-accepted",),
    "server-connection-missing": ("opening-accepted",),
    "server-accept-repeated": ("opening-accepted",),
    "server-body-in-101": ("opening-accepted",),
    "server-field-repeated": ("opening-accepted",),
    "server-length-contradicts": ("version-13",),
    "server-length-and-encoding": ("version-13",),
    "server-control-after-close": ("close-answered",),
    "server-masked": ("payload-lengths",),
    "server-length-not-minimal": ("payload-lengths",),
    "server-close-code": ("close-answered", "close-code-legal"),
    "server-close-reason-utf8": ("close-reason-utf8", "close-reason"),
    "server-data-after-close": ("close-answered",),
    "version-named": ("version-13",),
    "refusal-answered": ("method-get",),
    "close-ends-tcp": ("close-answered",),
    "fail-code": ("rsv-zero", "deflate-data"),
    "deflate-bad-offer-connects": ("deflate-declined",),
    "server-extension-repeated": ("deflate-offers",),
    "server-deflate-parameters": ("deflate-offers",),
    "server-deflate-data": ("deflate-blocks", "deflate-empty"),
    "server-control-compressed": ("deflate-control-frames",),
    "server-continuation-compressed": ("deflate-blocks",),
    "deflate-bomb-memory": ("deflate-bomb",),
    "fail-ends-tcp": ("rsv-zero",),
}
# Faults that only robustness tests show are tested in `robustness/`.
_STRAINING = {demand.id for demand in RULES_WITH_A_TEST}
# Faults that other properties than those of their rule find.
_SEEN_BY = {
    "extension-backslashes": ("extension-malformed",),
    "mask-first": ("mixed-frames",),
    "crash": ("other-clients-served",),
    "wedges-at-opcode": ("opcode-reserved",),
}
_DIES = ("crash", "wedges-at-opcode", "extension-backslashes")


_PLANTED = [name for name in FAULTS if FAULTS[name][0] not in _STRAINING]


@pytest.mark.usefixtures("detects_silence")
@pytest.mark.parametrize("name", slow_except(_PLANTED, *_PLANTED[::2]))
def test_a_planted_fault_is_reported_by_its_rule_and_replayed(faulty: FaultyServer, name: str) -> None:
    rule, _ = FAULTS[name]
    only = _SEEN_BY.get(name) or ((rule,) if rule in _OWN else _ON_THE_WAY[rule])
    server = faulty.with_fault(name)
    report = run_suite(server, SuiteOptions(only=only, examples=3, deadline_s=FULL_S))
    findings = {finding.check: finding for finding in report.findings if finding.level is not Level.INFORMATIONAL}
    assert rule in findings, f"found {sorted(findings)}"
    finding = findings[rule]
    assert finding.witness[-2].startswith("expected: ")
    assert finding.witness[-1].startswith("got: ")
    assert finding.reproduced != "0 of 3"
    if name not in _DIES:  # The server has ended, so that no replay is possible.
        assert finding.recipe is not None
        assert rule in {again.check for again in replay(finding.recipe, server.endpoint, FULL_S, pid=server.pid)}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_the_correct_server_has_no_findings(faulty: FaultyServer, seed: int) -> None:
    only = tuple(tested.name for tested in PROPERTIES)  # robustness tests are the same for every seed
    report = run_suite(faulty.with_fault(""), SuiteOptions(seed=seed, examples=5, deadline_s=60.0, only=only))
    accused = [finding for finding in report.findings if finding.level is not Level.INFORMATIONAL]
    assert accused == []
    assert report.verdict(strict=True) is Verdict.VALID
    declined = {check.check for check in report.not_run}
    assert {run.check for run in report.checks_run} | declined >= _OWN
    assert {check.check for check in report.not_run if "permessage-deflate" not in check.reason} == {
        "close-by-server",  # The server does not close on its own.
        "subprotocol-lines",  # The client offers no subprotocol.
        "subprotocol-after-unknown",
    }


@pytest.mark.usefixtures("detects_silence")
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("split-header", ["segmentation"]),
        ("empty-message", ["payload-lengths"]),
        ("two-fragments", ["fragments-joined"]),
        ("ping-resets", ["control-between-fragments"]),
        ("keeps-tcp", ["close-ends-tcp"]),
        ("any-version", ["version-13"]),
    ],
)
def test_one_fault_is_one_finding(faulty: FaultyServer, name: str, rules: list[str]) -> None:
    only = ("opening", "version", "payload", "segm", "5.4", "ping", "pong", "close-a", "rsv", "utf8")
    report = run_suite(faulty.with_fault(name), SuiteOptions(only=only, examples=1, deadline_s=FULL_S))
    checks = [finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL]
    assert checks == rules
