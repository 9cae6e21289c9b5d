"""The suite as pytest tests: one per property, with the section of RFC 6455 in its id.

pytest --pyargs wsproof.rfc6455 --ws-target ws://127.0.0.1:8000/ws
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproof.model.finding import Finding, Verdict
from wsproof.model.suite import SuiteOptions
from wsproof.net.running import RunningServer
from wsproof.rfc6455.accepted import Deviation, apply, load_accepted
from wsproof.rfc6455.examination import Examination, examination
from wsproof.rfc6455.exploring import private_storage
from wsproof.rfc6455.property import Property
from wsproof.rfc6455.suite import PROPERTIES, check_property


@pytest.fixture(scope="module")
def subject(ws_target: RunningServer, ws_suite_options: SuiteOptions) -> Iterator[Examination]:
    """The server under examination: probed once, watched all the while."""
    with private_storage(), examination(ws_target, ws_suite_options) as subject:
        yield subject


@pytest.fixture(scope="module")
def accepted(pytestconfig: pytest.Config) -> tuple[Deviation, ...]:
    """The deviations that `--ws-accepted` names."""
    path = pytestconfig.getoption("ws_accepted")
    return load_accepted(Path(path)) if path else ()


@pytest.mark.parametrize("tested", PROPERTIES, ids=lambda tested: f"{tested.rule.section}-{tested.name}")
def test_rfc6455(
    tested: Property,
    subject: Examination,
    ws_suite_options: SuiteOptions,
    accepted: tuple[Deviation, ...],
) -> None:
    """The server keeps this rule, whatever is drawn."""
    if not ws_suite_options.wants(tested.name, tested.rule.section):
        pytest.skip("not asked for")
    found = apply(check_property(subject, tested), accepted, checks_run=())
    broken = [finding for finding in found if finding.verdict(strict=ws_suite_options.strict) is not Verdict.VALID]
    if broken:
        again = _again(tested, subject, ws_suite_options)
        pytest.fail("\n\n".join(told(finding, again) for finding in broken), pytrace=False)


def _again(tested: Property, subject: Examination, options: SuiteOptions) -> str:
    words = ["pytest", "--pyargs", "wsproof.rfc6455", "-k", f"{tested.rule.section}-{tested.name}"]
    words += ["--ws-seed", str(options.seed), "--ws-examples", str(options.examples)]
    words += [] if subject.server.owned else ["--ws-target", subject.server.endpoint.url]
    return shlex.join(words) + (" (and your --ws-target)" if subject.server.owned else "")


def told(finding: Finding, again: str) -> str:
    """A finding for a terminal: section, sentence, transcript, and how to repeat it."""
    lines = [
        f"{finding.check} ({finding.level}): {finding.explanation}",
        f"  {finding.source}",
        *(f"    {line}" for line in finding.witness),
        f"  seen {finding.occurrences} times, reproduced {finding.reproduced}",
    ]
    lines.append(f"  replay: {finding.replay or again}")
    return "\n".join(lines)
