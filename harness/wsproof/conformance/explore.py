"""The Hypothesis runner: generates scripts for one property and shrinks those that violate a rule."""

from __future__ import annotations

import math
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, Verbosity, configuration, errors, given, seed, settings

from wsproof.conformance.properties.property import Property
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.script import Script
from wsproof.conformance.session import Session
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.net.clock import Deadline

__all__ = ["RESTARTED_TOO_OFTEN", "UNFINISHED", "explore", "private_storage"]

_SHRINK_S = 4.0
"""Seconds for shrinking the scripts of one property."""
_SHRINK_ATTEMPTS = 150
"""Number of scripts that shrinking may run for one property."""
_ENOUGH = 3
"""Number of failed edge cases after which a property stops."""
_MOST_RESTARTS = 3
_MOST_RESTARTS_KNOWN = 1
"""Number of restarts that one property may cause: at first, and once `other-clients-served` is violated."""
CUT_SHORT = "this check's share of the budget ended after"
UNFINISHED = "started and not finished: its share of the budget is spent"
RESTARTED_TOO_OFTEN = "cut short: the server repeatedly stopped serving others (see other-clients-served)"


class RuleBroken(Exception):
    """A script violated a rule. Each rule has its own subclass, so that Hypothesis shrinks them separately."""


class _Stopped(BaseException):
    """Aborts Hypothesis at once: the budget is spent, the server is gone, or wsproof has crashed.

    Hypothesis would shrink an Exception, so this is a BaseException.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


_KINDS: dict[str, type[RuleBroken]] = {}


def explore(session: Session, tested: Property) -> str:
    """Run the property's edge cases, then generated scripts; record violations in `session.cases`.

    Returns why some scripts were left out; empty if all of them ran.

    Raises:
        BudgetSpent, ServerGone: as `Session.attempt`.
    """
    limit = _RestartLimit(session)
    broken = 0
    until = Deadline.after(session.edges_s) if math.isfinite(session.edges_s) else None
    for at, script in enumerate(tested.edges(session.profile) if tested.edges is not None else ()):
        if at and until is not None and until.passed:
            return UNFINISHED
        broken += any(violation.rule == tested.name for violation in session.attempt(script))
        if limit.is_reached:
            return RESTARTED_TOO_OFTEN
        if broken == _ENOUGH:
            break  # The rule is violated. Edge cases are small already, so more of them add nothing.
    if tested.strategy is not None and not broken:
        return _draw(session, tested, limit)
    return ""


class _RestartLimit:
    """Limits how often one property may make a restart of the server necessary. Further restarts show nothing new."""

    def __init__(self, session: Session) -> None:
        self._session = session
        is_violated = "other-clients-served" in session.cases.by_rule
        self._most = session.restarts + (_MOST_RESTARTS_KNOWN if is_violated else _MOST_RESTARTS)

    @property
    def is_reached(self) -> bool:
        """Whether the limit is reached."""
        return self._session.restarts >= self._most


def _draw(session: Session, tested: Property, limit: _RestartLimit) -> str:
    assert tested.strategy is not None
    known_rules = frozenset(session.cases.by_rule)
    shrinking = _Shrinking(session, limit)

    @seed(session.options.seed ^ zlib.crc32(tested.name.encode()))
    @settings(
        max_examples=session.options.examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    @given(tested.strategy(session.profile))
    def every_script(script: Script) -> None:
        violations = [violation for violation in shrinking.attempt(script) if violation.rule not in known_rules]
        if violations:
            shrinking.begin()
            heaviest = min(violations, key=lambda violation: list(Binding).index(rule(violation.rule).level))
            raise _KINDS.setdefault(heaviest.rule, type("Broken", (RuleBroken,), {}))(heaviest.rule)

    try:
        every_script()
    except _Stopped as stopped:
        raise stopped.cause from None
    except RuleBroken:
        pass  # The session has recorded the violation with its smallest script.
    except (ExceptionGroup, errors.Flaky) as several:
        if not _only_broken(several):
            raise
    finally:
        shrinking.end()
    return shrinking.cut_short


def _only_broken(error: BaseException) -> bool:
    if isinstance(error, errors.Flaky):
        return True  # The violation is intermittent; `Session.reproduce` counts how often it comes back.
    return isinstance(error, RuleBroken) or (
        isinstance(error, BaseExceptionGroup) and all(_only_broken(inner) for inner in error.exceptions)
    )


class _Shrinking:
    """Limits the shrinking. Once the limit is reached, only scripts that already ran can fail."""

    def __init__(self, session: Session, limit: _RestartLimit) -> None:
        self._session = session
        self._limit = limit
        self._draw_until = Deadline.after(session.draw_s) if math.isfinite(session.draw_s) else None
        self.cut_short = ""
        """The reason why some generated scripts were left out; empty if none were."""
        self._results: dict[Script, list[RuleViolation]] = {}
        self._until: Deadline | None = None
        self._attempts = 0
        self._allowed_s = 0.0

    def begin(self) -> None:
        """Start the limits at the first failure. Most later scripts are shrunk ones, so use the shorter timeouts."""
        if self._until is None:
            self._allowed_s = max(0.0, min(_SHRINK_S, self._session.shrink_s))
            self._until = Deadline.after(self._allowed_s)
            self._session.timeouts.is_shrinking = True

    def end(self) -> None:
        """Subtract the used time from the time for shrinking all properties, and restore the full timeouts."""
        self._session.timeouts.is_shrinking = False
        if self._until is not None:
            self._session.shrink_s -= self._allowed_s - max(0.0, self._until.remaining_s)

    def attempt(self, script: Script) -> list[RuleViolation]:
        """Run the script, or return the cached result. Returns no violations once a limit is reached."""
        if script in self._results:
            return self._results[script]
        if self._until is not None:
            self._attempts += 1
            if self._attempts > _SHRINK_ATTEMPTS or self._until.remaining_s <= 0:
                return []
        elif self._limit.is_reached:
            self.cut_short = RESTARTED_TOO_OFTEN
            return []
        elif self._results and self._draw_until is not None and self._draw_until.passed:
            self.cut_short = f"{CUT_SHORT} {len(self._results)} generated examples"
            return []
        try:
            violations = self._session.attempt(script)
        except Exception as error:
            raise _Stopped(error) from error
        self._results[script] = violations
        return violations


@contextmanager
def private_storage() -> Iterator[None]:
    """Keep Hypothesis from creating a `.hypothesis` directory in the user's working directory."""
    before = configuration.storage_directory(intent_to_write=False).home_directory
    with tempfile.TemporaryDirectory(prefix="wsproof-hypothesis-") as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
