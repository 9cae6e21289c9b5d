"""Replays one finding: runs its script or robustness test again, with a bystander and a watch on the process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from wsproof.conformance.catalogue import ROBUSTNESS_TESTS
from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.exchange.bystander import Bystander, Service
from wsproof.conformance.exchange.driver import Driver
from wsproof.conformance.exchange.login import join_of
from wsproof.conformance.exchange.segment_barrier import SegmentBarrier
from wsproof.conformance.exchange.timeouts import Timeouts
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.probe import probe
from wsproof.conformance.robustness.context import NOT_OURS, HandshakeRefused, RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.script import Script
from wsproof.conformance.server_watch import STAYS, MemoryWatch, ServerWatch
from wsproof.conformance.verify.cases import Cases
from wsproof.conformance.verify.findings import finding_of
from wsproof.conformance.verify.root_cause import PLAIN_CLIENT
from wsproof.conformance.verify.violations import RuleViolation, verify
from wsproof.errors import CannotTellError, TargetError, UsageError
from wsproof.model.finding import Finding, severity
from wsproof.model.former_names import current_check
from wsproof.model.server_end import PROCESS_ENDED, ServerEnd
from wsproof.net.budget import Budget
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Opening

__all__ = ["replay"]

_SERVED = "other clients to be served"


def replay(
    recipe: Mapping[str, Any],
    endpoint: Endpoint,
    deadline_s: float,
    *,
    pid: int | None = None,
    login: tuple[str | bytes, ...] = (),
    opening: Opening | None = None,
    server: object = None,
) -> list[Finding]:
    """Run the script or the robustness test of a finding again, and return this time's findings in full.

    `pid` is the root of the server's process tree if wsproof started the server, and `server` is the object that
    started it. `login` is sent first on every connection, and the channel of `opening` is joined if the finding needs
    it: recipes do not hold them.

    Raises:
        UsageError: `recipe` is not one of this suite, or the finding needs a login that is not given.
        CannotTellError: a plain client is not served at the start, or the finding needs the server's process, which
            wsproof did not start.
        TargetError: nobody listens.
    """
    messages = tuple(map(Message.of, login))
    if "robustness_test" in recipe or "trial" in recipe:  # "trial" is the key of older recipes
        return _replay_robustness_test(recipe, endpoint, pid, deadline_s, messages, opening, server)
    try:
        script, profile = (
            Script.from_json(recipe["conversation"]),
            EndpointProfile.from_json(recipe["facts"], messages, opening),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"expected the recipe of an rfc6455 finding, but it cannot be read: {error!r}") from error
    watch = ServerWatch(server)
    bystander = Bystander(deadline_s, profile.first_messages, begin=join_of(profile))
    try:
        if bystander.ask(endpoint) is not Service.SERVED:
            raise CannotTellError(f"a plain client is not served, so nothing can be repeated: {bystander.remark}")
        if script == PLAIN_CLIENT:
            _probe_again(profile, endpoint, deadline_s, messages, opening)
        transcript, violations = _run_script(script, profile, endpoint, deadline_s, pid)
        if bystander.ask(endpoint).is_fault:
            transcript.note(f"another client was no longer served after this: {bystander.remark}")
            violations.append(RuleViolation("other-clients-served", _SERVED, bystander.remark))
            violations += _ends(watch, endpoint)
    finally:
        bystander.forget()
    cases = Cases(profile)
    for violation in violations:
        cases.note(script, violation, transcript)
    return sorted(cases.findings(), key=severity)


def _probe_again(
    profile: EndpointProfile,
    endpoint: Endpoint,
    deadline_s: float,
    login: tuple[Message, ...],
    opening: Opening | None,
) -> None:
    """Run the probe again: in the recorded run, it came before a plain client was no longer served."""
    with suppress(CannotTellError):  # the endpoint is known already
        probe(endpoint, deadline_s, profile.sample, Budget(deadline_s), login=login, opening=opening)


def _run_script(
    script: Script, profile: EndpointProfile, endpoint: Endpoint, deadline_s: float, pid: int | None
) -> tuple[Transcript, list[RuleViolation]]:
    with SegmentBarrier() as barrier:
        driver = Driver(endpoint, profile, Timeouts(deadline_s), barrier)
        memory_watch = MemoryWatch(pid) if script.subject == "deflate-bomb" else None
        handshake, expected, transcript = driver.run(script)
    violations = verify(script, handshake, expected, profile, transcript)
    return transcript, violations + (memory_watch.violations(transcript) if memory_watch is not None else [])


def _replay_robustness_test(
    recipe: Mapping[str, Any],
    endpoint: Endpoint,
    pid: int | None,
    deadline_s: float,
    login: tuple[Message, ...],
    opening: Opening | None,
    server: object,
) -> list[Finding]:
    """Run the robustness test of a finding again with its original parameters."""
    try:
        name = current_check(recipe["robustness_test"] if "robustness_test" in recipe else recipe["trial"])
        test = next(each for each in ROBUSTNESS_TESTS if each.name == name)
        profile, examples = EndpointProfile.from_json(recipe["facts"], login, opening), int(recipe["examples"])
        parameters = dict(recipe.get("parameters", {}))  # The first recipes had no parameters.
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise UsageError(f"expected the recipe of an rfc6455 finding, but it cannot be read: {error!r}") from error
    if test.needs_process and pid is None:
        raise CannotTellError(f"{test.name}: {NOT_OURS}. Replay it on a server that wsproof starts")
    timeout_s = float(recipe.get("deadline_s", deadline_s))
    watch = ServerWatch(server)
    context = RobustnessContext(
        endpoint,
        profile,
        pid,
        timeout_s,
        Budget(None),
        examples,
        parameters=parameters,
        header_echo=getattr(server, "header_echo", None),
    )
    try:
        outcome = _outcome(test, context)
        if not context.all_served():
            outcome.report_violation("other-clients-served", _SERVED, "afterwards, an old or a new client was not")
            outcome.violations += _ends(watch, endpoint)
    except HandshakeRefused as error:
        raise CannotTellError(f"the server accepts no more clients, which may be a limit: {error}") from error
    finally:
        context.close()
    return [finding_of(violation, outcome.lines, recipe) for violation in outcome.violations]


def _outcome(test: RobustnessTest, context: RobustnessContext) -> RobustnessOutcome:
    """Run the test. A client that is not served ends it."""
    try:
        return test.run(context)
    except HandshakeRefused:
        raise
    except TargetError as error:
        outcome = RobustnessOutcome()
        outcome.note(f"a client was not served: {error}")
        return outcome


def _ends(watch: ServerWatch, endpoint: Endpoint) -> list[RuleViolation]:
    """A violation if the server's process has ended."""
    end = watch.end(endpoint)
    if end is None:
        return []
    return [RuleViolation(PROCESS_ENDED, STAYS, end.sentence if isinstance(end, ServerEnd) else end)]
