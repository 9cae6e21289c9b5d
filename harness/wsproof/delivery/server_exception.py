"""Findings with the exception that the server wrote while their schedule ran."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from wsproof.checks.describe import shortened
from wsproof.model.finding import Anomaly, Finding

LONGEST = 160
"""Most characters of the exception that the explanation quotes."""
_EXCEPTION = re.compile(r"^[\s|+-]*((?:\w+\.)*[A-Z]\w*(?:Error|Exception)\b(?:: .*)?)$")
_IN_TRACEBACK = re.compile(r"^[\s|+-]*((?:\w+\.)*[A-Z]\w*(?:: .*)?)$")
_TRACEBACK = "Traceback (most recent call last)"
_CHANGED_WHILE_ITERATED = "changed size during iteration"


def with_exception(finding: Finding, output: Sequence[str]) -> Finding:
    """The finding with these lines of the server, whose exception the explanation of a violation quotes."""
    exception = exception_in(output)
    explanation = finding.explanation
    if exception and finding.level.counts and finding.anomaly is not Anomaly.PROTOCOL:
        explanation += f" Meanwhile the server wrote: {shortened(exception, LONGEST)}"
        if _CHANGED_WHILE_ITERATED in exception:
            explanation += " (it iterates over its members while a member joins or leaves)"
    return replace(finding, explanation=explanation, server_output=tuple(output))


def exception_in(output: Sequence[str]) -> str:
    """The name and the message of the last exception in these lines; empty without one."""
    pattern = _IN_TRACEBACK if any(_TRACEBACK in line for line in output) else _EXCEPTION
    return next((found[1] for line in reversed(output) if (found := pattern.match(line))), "")
