"""A finding's shortest reproduction, repeated."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wsproof import delivery
from wsproof.checks import disturbance, revoked
from wsproof.conformance import suite as conformance
from wsproof.delivery.revoke_command import require_member_in, with_revoke
from wsproof.errors import ExitCode, UsageError
from wsproof.model.chapter import RuleKind
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.secrecy import MARK
from wsproof.model.server_end import PROCESS_ENDED
from wsproof.model.suite import SuiteOptions
from wsproof.net.redact import hide_in
from wsproof.session.context import CommandContext
from wsproof.session.options import ReplayOptions
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload, environment_of, load_channels, opening_of, parse_settings

_ATTEMPTS = 10
"""Attempts for a finding that not every retry reproduced, or that was not retried."""
_NOT_SERVED = ("other-clients-served", PROCESS_ENDED)
"""Checks whose findings say that the server no longer serves other clients."""
_SAME_NAME = ("path", "origin", "ready", "unix", "ca", "cert", "key", "user_file")
RESTORED = {"target": "spec", **{name: name for name in _SAME_NAME}}
"""Options that are restored from the record, with their keys in the recorded target."""


@dataclass(frozen=True)
class ReplayResult:
    """The result of a replay: the findings to show, without secrets, a sentence, and the exit code."""

    findings: tuple[Finding, ...]
    sentence: str
    code: ExitCode


def replay(options: ReplayOptions, *, began: float | None = None) -> ReplayResult:
    """Repeat a finding. Exit code 1: it or another violation occurs; 0: none occurs; 3: the result is unknown.

    Raises:
        UsageError: the file is no finding, or the target could not be started or reached (TargetError).
    """
    finding, target = read_finding(options.finding)
    context = CommandContext(restore(options, target), began=began)
    with context.running(wire=True) as server:
        for number in range(1, attempts(finding) + 1):
            marked = server.known_deviations.mark(replayed(context, server, finding))
            shown, sentence, code = outcome(finding, marked, number)
            if code is not ExitCode.OK:
                break
    return ReplayResult(tuple(replace(hide_in(each, context.secrets), replay=None) for each in shown), sentence, code)


def attempts(finding: Finding) -> int:
    """The number of attempts: several for an observation, or if some retry did not reproduce the finding; else 1."""
    times, _, retries = (finding.reproduced or "").partition(" of ")
    return 1 if times == retries and finding.level is not Level.OBSERVATION else _ATTEMPTS


def outcome(finding: Finding, replayed: Iterable[Finding], tries: int = 1) -> tuple[list[Finding], str, ExitCode]:
    """The outcome of a replay: the findings to show, a sentence, and the exit code."""
    findings = list(replayed)
    attempts_text = f" in {tries} attempts" if tries > 1 else ""
    same = [other for other in findings if _is_same(finding, other)]
    if same:
        return same, f"It happens again{attempts_text and f', in attempt {tries}'}.", ExitCode.FAILED
    others = [other for other in findings if other.verdict() is not Verdict.VALID]
    if not others:
        when = (
            f" When it was found, {finding.reproduced} retries showed it."
            if finding.reproduced and attempts_text
            else ""
        )
        return [], f"It does not happen again{attempts_text}: the replay passed.{when}", ExitCode.OK
    # A server that refuses the connection or ends cannot show whether the first finding occurs again.
    if any(other.check in _NOT_SERVED for other in others):
        return (
            others,
            "The server no longer serves other clients after this, whatever the first finding was.",
            ExitCode.FAILED,
        )
    if verdict_of(others) is Verdict.INVALID:
        return others, "Another finding occurs now, so the first one cannot be judged.", ExitCode.FAILED
    return others, "It is not known whether it happens again: the replay did not get that far.", ExitCode.CANNOT_TELL


def _is_same(finding: Finding, other: Finding) -> bool:
    """Whether both findings are the same: the same check, or both say that the server no longer serves clients."""
    if other.anomaly is Anomaly.UNKNOWN:
        return False
    return other.check == finding.check or (finding.kind is RuleKind.SERVICE and other.check in _NOT_SERVED)


def read_finding(path: Path) -> tuple[Finding, Mapping[str, Any]]:
    """Read a finding's file. Returns the finding and the recorded target.

    Raises:
        UsageError: the file does not exist, is not a finding, or has no recipe to repeat.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        finding = Finding.from_json(data)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}. A run keeps its findings in RUN/findings/.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a finding of wsproof: {error}") from error
    if finding.recipe is None:
        raise UsageError(
            f"{path} comes from a measurement under load: it has no single conversation to repeat. Run the bench again."
        )
    return finding, data.get("target") or {}


def restore(options: ReplayOptions, target: Mapping[str, Any]) -> ReplayOptions:
    """The options with the recorded target, channels and settings, where the command line does not give them.

    Raises:
        UsageError: the target needs a secret, which is never stored, and it is not given again.
    """
    recorded = (target.get("settings") or {}).items()
    settings = options.settings or tuple(f"{key}={_kept(f'the setting {key}', value)}" for key, value in recorded)
    channels = options.channels or target.get("channels")
    if options.target is None:
        options = restore_target(options, target, _generated(channels, settings))
    return replace(options, channels=channels, settings=settings)


def _generated(channels: str | None, settings: Iterable[str]) -> frozenset[str]:
    """The names of the server's environment variables that the channels set themselves, such as a secret per run."""
    if channels is None:
        return frozenset()
    return frozenset(environment_of(load_channels(channels, parse_settings(list(settings)))))


def restore_target(
    options: ReplayOptions, target: Mapping[str, Any], generated: frozenset[str] = frozenset()
) -> ReplayOptions:
    """The options with the recorded target and the options to start and reach it. The command line takes precedence.

    `generated` are the environment variables that need not be restored: the channels set them again.
    """
    changes: dict[str, Any] = {
        "server": target.get("server") or options.server,
        "insecure": options.insecure or bool(target.get("insecure")),
    }
    for option, key in RESTORED.items():
        if option == "path" and target.get("path_from_channels"):
            continue  # the channels give the path again, with a new token if the path has one
        if getattr(options, option) is None:
            changes[option] = _kept(f"the {key} of the target", target.get(key))
    changes["header"] = options.header + _recorded_headers(options, target)
    changes["env"] = options.env + _recorded_env(options, target, generated)
    recorded = target.get("subprotocols") or ()
    changes["subprotocol"] = options.subprotocol or tuple(_kept("a subprotocol", item) for item in recorded)
    return replace(options, **changes)


def _recorded_headers(options: ReplayOptions, target: Mapping[str, Any]) -> tuple[str, ...]:
    typed = {line.partition(":")[0].strip().lower() for line in options.header}
    typed |= {"authorization"} if options.token is not None else set()
    recorded = (target.get("headers") or {}).items()
    return tuple(
        f"{name}: {_kept(f'the header {name}', value)}" for name, value in recorded if name.lower() not in typed
    )


def _recorded_env(options: ReplayOptions, target: Mapping[str, Any], generated: frozenset[str]) -> tuple[str, ...]:
    if target.get("kind") == "url":
        return ()
    typed = {item.partition("=")[0] for item in options.env} | generated
    recorded = (target.get("env") or {}).items()
    return tuple(f"{name}={_kept(f'the variable {name}', value)}" for name, value in recorded if name not in typed)


def _kept(place: str, value: Any) -> Any:
    if isinstance(value, str) and MARK in value:
        raise UsageError(
            f"the finding needs a secret in {place}, and secrets are never stored: give it again "
            "(TARGET, --token, --header, --env, --set, --subprotocol or --path)."
        )
    return value


def replayed(context: CommandContext[ReplayOptions], server: RunningServer, finding: Finding) -> list[Finding]:
    """Replay the finding's recipe once and return the findings."""
    assert finding.recipe is not None
    deadline_s = SuiteOptions().deadline_s
    if finding.recipe.get("suite") == "rfc6455":
        return conformance.replay(
            finding.recipe,
            server.endpoint,
            deadline_s,
            pid=server.pid,
            login=context.options.login,
            opening=opening_of(context.workloads, server.endpoint.path),
            server=server,
        )
    context.needed_channels()
    disturb, revoke = context.options.disturb or "", context.options.revoke or ""
    require_member_in(revoke)
    workloads = with_revoke(context.workloads, revoke)
    require_orders(finding.recipe, workloads, disturb)
    return delivery.replay(finding.recipe, server, workloads, deadline_s, disturb)


def require_orders(recipe: Mapping[str, Any], workloads: Mapping[str, Workload], disturb: str) -> None:
    """Check that the commands of the user without which the finding cannot occur are given again: none is recorded.

    Raises:
        UsageError: one is missing.
    """
    name, workload = recipe.get("property"), workloads.get(recipe.get("workload", ""))
    missing = "--disturb" if name == disturbance.CHECK and not disturb else ""
    if name == revoked.CHECK and workload is not None and not workload.has_revoke:
        missing = "--revoke"
    if missing:
        raise UsageError(f"The finding needs a command of yours, which no run records: give {missing} again.")
