"""Tests that the text of a finding consists of sentences."""

from __future__ import annotations

import re

import pytest

from tests.faulty.quiet import FULL_S
from tests.faulty.running import FaultyServer
from wsproof.conformance.rules import RULES, Binding
from wsproof.conformance.suite import run_suite
from wsproof.conformance.verify.explanations import explain
from wsproof.model.suite import SuiteOptions

_GARBLED = re.compile(r"\.[;,.](?!\.)|\.\.$|; got|but but|\b0 the first|[^.]$|\[\]|\['")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_is_explained_in_sentences(rule: object) -> None:
    assert isinstance(rule, type(RULES[0]))
    expected = rule.sentence if rule.id.startswith("server-") else "a pong"
    explanation = explain(rule.id, expected, "it ended TCP")
    assert not _GARBLED.search(explanation)
    assert "it ended TCP." in explanation
    if rule.level is Binding.MAY:
        assert not explanation.startswith("Expected")


def test_a_breach_without_evidence_still_makes_a_sentence() -> None:
    assert (
        explain("server-accept-missing", "A 101 response has it.", "")
        == "A 101 response has it. This server breaks that rule."
    )


@pytest.mark.usefixtures("detects_silence")
@pytest.mark.parametrize("name", ["answers-early", "data-after-close", "text-pong"])
def test_explanations_of_findings_are_well_formed_sentences(faulty: FaultyServer, name: str) -> None:
    only = ("pipelined", "length-minimal", "close-", "ping-answered", "method-get", "utf8-fail", "opening")
    report = run_suite(faulty.with_fault(name), SuiteOptions(examples=3, deadline_s=FULL_S, only=only))
    assert report.findings
    for finding in report.findings:
        assert not _GARBLED.search(finding.explanation), finding.explanation
