"""The differences between two builds besides their figures: changed files, packages, and violations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wsproof.comparison.commits import ComparedCommits
from wsproof.comparison.environment import installed_packages
from wsproof.comparison.order import Side
from wsproof.comparison.violations import violations
from wsproof.errors import TargetError
from wsproof.model.finding import Finding
from wsproof.target.target import Target

MOST_FILES = 200
"""Changed files that a record names."""


def build_differences(commits: ComparedCommits, targets: Mapping[Side, Target]) -> dict[str, Any]:
    """The changed files, and the packages whose versions differ, as the record of a comparison has them."""
    files = commits.repository.changed_files(commits.base, commits.candidate)
    facts: dict[str, Any] = {"files": files[:MOST_FILES], "changed_files": len(files), "packages": {}}
    base, candidate = (targets[side].python for side in (Side.BASE, Side.CANDIDATE))
    if base != candidate:
        try:
            facts["packages"] = package_differences(installed_packages(base), installed_packages(candidate))
        except TargetError as failed:
            facts["packages_unknown"] = str(failed)
    return facts


def package_differences(base: Mapping[str, str], candidate: Mapping[str, str]) -> dict[str, list[str | None]]:
    """The versions of base and candidate, by package, where they differ. None: not installed."""
    names = sorted({*base, *candidate})
    return {name: [base.get(name), candidate.get(name)] for name in names if base.get(name) != candidate.get(name)}


def finding_differences(base: Iterable[Finding], candidate: Iterable[Finding]) -> dict[str, Any]:
    """The violations that only the base has, and those that both have, as the record of a comparison has them."""
    bases, candidates = violations(base), violations(candidate)
    return {
        "fixed": [finding.to_json() for key, finding in bases.items() if key not in candidates],
        "both": [finding.to_json() for key, finding in bases.items() if key in candidates],
    }
