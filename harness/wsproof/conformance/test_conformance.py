"""The suite as pytest tests: one per property, with the section of RFC 6455 in its id.

pytest --pyargs wsproof.conformance --ws-target ws://127.0.0.1:8000/ws
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from wsproof.conformance.explore import private_storage
from wsproof.conformance.properties.property import Property
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.conformance.session import ServerGone, Session, open_session
from wsproof.conformance.suite import PROPERTIES, ROBUSTNESS_TESTS, check_property, check_robustness
from wsproof.deviations import KnownDeviations
from wsproof.errors import CannotTellError
from wsproof.model.chapter import SuiteName
from wsproof.model.finding import Finding, Verdict
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.target.server import RunningServer


class UncheckableServer:
    """A server that cannot be checked, and whether a test has reported this."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.is_reported = False


@pytest.fixture(scope="module")
def session(
    ws_target: RunningServer, ws_suite_options: SuiteOptions, ws_budget: Budget
) -> Iterator[Session | UncheckableServer]:
    """The session with the server, probed once for all tests."""
    ws_target.budget = ws_budget
    with contextlib.ExitStack() as stack:
        stack.enter_context(private_storage())
        try:
            found: Session | UncheckableServer = stack.enter_context(
                open_session(ws_target, ws_suite_options, ws_budget)
            )
        except CannotTellError as error:
            found = UncheckableServer(str(error))
        except BudgetSpent:
            found = UncheckableServer(ws_budget.reason)
            found.is_reported = True  # Nothing is known, but there was no error: skip every test.
        yield found


@pytest.fixture(scope="module")
def known(ws_target: RunningServer) -> KnownDeviations:
    """The known deviations of the server library, of the app, and of `--ws-known-deviations`."""
    return ws_target.known_deviations


@pytest.mark.parametrize("tested", PROPERTIES, ids=lambda tested: f"{tested.rule.section}-{tested.name}")
def test_rfc6455(
    tested: Property,
    session: Session | UncheckableServer,
    ws_suite_options: SuiteOptions,
    known: KnownDeviations,
    ws_keep: Callable[[Finding], Finding],
) -> None:
    """The server follows this rule in every generated script."""
    if not ws_suite_options.wants(tested.name, tested.rule.section, SuiteName.PROTOCOL):
        pytest.skip("not asked for")
    session = _checkable(session)
    with _ended_in_order(session):
        found, not_checked = check_property(session, tested)
    _fail_with(found, known, ws_suite_options, ws_keep)
    if not_checked:
        pytest.skip(not_checked)


@pytest.mark.parametrize("test", ROBUSTNESS_TESTS, ids=lambda test: f"{test.rule.section}-{test.name}")
def test_robustness(
    test: RobustnessTest,
    session: Session | UncheckableServer,
    ws_suite_options: SuiteOptions,
    known: KnownDeviations,
    ws_keep: Callable[[Finding], Finding],
) -> None:
    """The server keeps this robustness rule and serves other clients meanwhile."""
    if not ws_suite_options.wants(test.name, test.rule.section, SuiteName.PROTOCOL):
        pytest.skip("not asked for")
    session = _checkable(session)
    with _ended_in_order(session):
        found, not_held = check_robustness(session, test)
    if not_held:
        pytest.skip(not_held)
    _fail_with(found, known, ws_suite_options, ws_keep)


@contextlib.contextmanager
def _ended_in_order(session: Session) -> Iterator[None]:
    """Skip the test if the budget ends within the block. Fail this and later tests if the server is gone."""
    try:
        yield
    except BudgetSpent:
        pytest.skip(f"not run: {session.budget.reason}")
    except ServerGone as error:
        pytest.fail(f"cannot tell: {error}", pytrace=False)


def _checkable(session: Session | UncheckableServer) -> Session:
    """Return the session if the server can be checked. Otherwise fail the first test and skip the others."""
    if not isinstance(session, UncheckableServer):
        return session
    if session.is_reported:
        pytest.skip(f"cannot tell: {session.reason}")
    session.is_reported = True
    pytest.fail(f"cannot tell: {session.reason}", pytrace=False)


def _fail_with(
    findings: list[Finding],
    known: KnownDeviations,
    ws_suite_options: SuiteOptions,
    ws_keep: Callable[[Finding], Finding],
) -> None:
    found = known.mark(findings)
    broken = [finding for finding in found if finding.verdict(strict=ws_suite_options.strict) is not Verdict.VALID]
    if broken:
        pytest.fail("\n\n".join(describe(ws_keep(finding)) for finding in broken), pytrace=False)


def describe(finding: Finding) -> str:
    """Format a finding for a terminal: section, sentence, transcript, and how to repeat it."""
    lines = [
        f"{finding.check} ({finding.level}): {finding.explanation}",
        f"  {finding.source}",
        *(f"    {line}" for line in finding.witness),
        f"  seen {finding.occurrences} times, reproduced {finding.reproduced}",
    ]
    if finding.server_output:
        lines += ["  the server wrote:", *(f"    | {line}" for line in finding.server_output)]
    lines.append(f"  replay: {finding.replay}")
    return "\n".join(lines)
