"""Turns a violation into a finding with an explanation, a witness and a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsproof.conformance.rules import rule
from wsproof.conformance.verify.explanations import explain
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.model.finding import Anomaly, Finding, observed

__all__ = ["finding_of"]

_MOST_LINES = 60
"""Transcript lines that a finding shows."""


def finding_of(
    violation: RuleViolation,
    transcript: list[str],
    recipe: Mapping[str, Any],
    *,
    also: str = "",
    occurrences: int = 1,
    reproduced: str | None = None,
) -> Finding:
    """Make the finding of a violation.

    `transcript` are its lines, `recipe` is what a replay needs. `also` is appended to the explanation.
    """
    broken = rule(violation.rule)
    finding = Finding(
        check=violation.rule,
        section=broken.section,
        anomaly=Anomaly.PROTOCOL,
        level=broken.level.level,
        explanation=explain(violation.rule, violation.expected, violation.got) + also,
        witness=(*_shortened(transcript), f"expected: {violation.expected}", f"got: {violation.got}"),
        recipe={"suite": "rfc6455", "rule": violation.rule, **recipe},
        occurrences=occurrences,
        reproduced=reproduced,
        rule_harm=broken.harm,
        chapter=broken.chapter,
        kind=broken.kind,
        source=f"{broken.level} {broken.where}: {broken.sentence}",
    )
    return observed(finding)


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    half = _MOST_LINES // 2
    return [*lines[:half], f"   ({len(lines) - 2 * half} lines left out)", *lines[-half:]]
