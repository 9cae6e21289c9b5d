"""The violations of a build, by what makes two of them the same violation."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.model.finding import Anomaly, Finding, Verdict

ViolationKey = tuple[str, str, Anomaly]
"""Check, section and anomaly. Findings that are equal in these are the same violation, in one build or in both."""


def violation_key(finding: Finding) -> ViolationKey:
    """The key by which a finding of one build is found again in the other."""
    return finding.check, finding.section, finding.anomaly


def violations(findings: Iterable[Finding]) -> dict[ViolationKey, Finding]:
    """One violation of each kind, by its key. Findings that are no violations are left out."""
    return {violation_key(finding): finding for finding in findings if finding.verdict() is Verdict.INVALID}
