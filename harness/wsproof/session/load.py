"""A load of many Locust users, headless or in Locust's web UI."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from wsproof.errors import CannotTellError, UsageError, WorkloadError, WsproofError
from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.finding import Finding, Verdict, verdict_of
from wsproof.model.load_summary import LoadSummary
from wsproof.model.record import RunRecord
from wsproof.model.server_end import end_findings
from wsproof.model.summary import Summary
from wsproof.net.redact import hide_known
from wsproof.report.store.atomic import write_text
from wsproof.report.store.run_dir import RunDir
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.locust_process import (
    Handover,
    locust_command,
    ramp_seconds,
    require_locust,
    running_locust,
    secret_pipe,
    web_page,
)
from wsproof.session.options import LoadOptions, TargetOptions
from wsproof.target.server import RunningServer

UNKNOWN_USERS = re.compile(r"Unknown User\(s\): (.*)")
"""Locust's message for a user class that does not exist."""
GRACE_SECONDS = 30.0
"""Seconds beyond its run time that Locust may take to start, drain and report."""


@dataclass(frozen=True)
class LoadResult:
    """The result of a headless Locust run. The record keeps `summary` next to the findings."""

    summary: LoadSummary
    findings: tuple[Finding, ...]
    verdict: Verdict
    objectives: tuple[ObjectiveOutcome, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether no trust warning invalidates a figure of any room."""
        return self.summary.trusted

    @property
    def metrics(self) -> Mapping[str, Summary]:
        """The metrics of the only workload. Empty if there are several: their figures do not add up."""
        return metrics_of_only_workload(self.summary)


def load(options: LoadOptions, *, console: Console = SILENT, began: float | None = None) -> RunRecord:
    """Run Locust users against one target without a web page, and keep the run.

    Raises:
        UsageError: the options are wrong, Locust is not installed, or the target could not be started or reached.
        CannotTellError: Locust ended without a result.
    """
    context = CommandContext(options, console, began)
    context.needed_channels()
    require_locust()
    with context.running(connections=options.users) as server, context.record("load") as log:
        log.change(target=context.describe(server))
        log.keep_output(server)
        result = load_server(
            context,
            server,
            users=options.users,
            seconds=options.duration,
            folder=log.folder,
            scenarios=options.scenario,
            arguments=options.locust_arguments,
            columns=log.folder.columns,
        )
        stored = log.folder.keep_findings(result.findings, log.record.target)
        log.change(
            load=result.summary,
            plan=plan_of_load(result.summary, options.duration),
            metrics=result.metrics,
            verdict=result.verdict,
            trusted=result.trusted,
            measured_findings=stored,
            objectives=result.objectives,
            **parts_of_only_workload(result.summary),
        )
        console.measured(log.record)
    return log.record


def load_in_browser(options: LoadOptions, *, console: Console = SILENT, began: float | None = None) -> bool:
    """Start the target and Locust's web UI, until Locust ends. Returns whether Locust reported no failure.

    Raises:
        UsageError: the options are wrong, Locust is not installed, or the target could not be started or reached.
    """
    context = CommandContext(options, console, began)
    context.needed_channels()
    require_locust()
    with context.running(connections=options.users) as server:
        url = server.endpoint.at("/").url
        command = [*locust_command(url, options.users, options.scenario), *options.locust_arguments]
        console.say(f"target: {url}  (Ctrl-C ends the target and Locust)")
        page = web_page(options.locust_arguments)
        if page is not None:
            console.say(
                f"The load starts in Locust's web page: open {page} and press Start. "
                "For a run without the page add --headless."
            )
        with running_locust(command, handover(context, server)) as locust:
            return locust.wait() == 0


def metrics_of_only_workload(summary: LoadSummary) -> Mapping[str, Summary]:
    """The metrics of the only workload. Empty if there are several: their figures do not add up."""
    return summary.rooms[0].metrics if len(summary.rooms) == 1 else {}


def parts_of_only_workload(summary: LoadSummary) -> dict[str, Any]:
    """The fields of the record that a load shares with a measurement: warnings and chart data of the only workload."""
    if len(summary.rooms) != 1:
        return {}
    (room,) = summary.rooms
    return {"warnings": room.warnings, "series": room.series}


def plan_of_load(summary: LoadSummary, seconds: float) -> dict[str, Any]:
    """The part of a load's plan by which runs are compared."""
    return {
        "workload": ",".join(room.workload for room in summary.rooms),
        "subscribers": sum(room.users for room in summary.rooms),
        "rate_hz": sum(room.rate_hz or 0.0 for room in summary.rooms),
        "duration_s": seconds,
        "generator": "locust",
    }


def handover(
    context: CommandContext[TargetOptions],
    server: RunningServer,
    summary: Path | None = None,
    pipe: int | None = None,
    columns: Path | None = None,
) -> Handover:
    """The description of the target for the Locust process."""
    return Handover(
        channels=context.needed_channels(),
        settings=context.settings,
        endpoint=server.endpoint.to_json(),
        known_deviations=server.known_deviations.to_json(),
        owned=server.owned,
        summary=None if summary is None else str(summary),
        secrets_to=pipe,
        columns=None if columns is None else str(columns),
        pid=server.pid,
    )


def load_server(
    context: CommandContext[TargetOptions],
    server: RunningServer,
    *,
    users: int,
    seconds: float,
    folder: RunDir,
    scenarios: Sequence[str] = (),
    arguments: Sequence[str] = (),
    columns: Path | None = None,
) -> LoadResult:
    """Run Locust headless for `seconds` and read its summary. `columns` is the directory for its raw samples.

    `arguments` are more arguments for Locust.

    Raises:
        CannotTellError: Locust ended without a summary. The message has the last lines of its output.
        UsageError: a scenario names no user class.
        WorkloadError: the user's channel file has a mistake.
    """
    summary_file = folder.path / "load.json"
    log_file = folder.path / "locust.log"
    command = [
        *locust_command(server.endpoint.at("/").url, users, scenarios),
        *("--headless", "--run-time", f"{ceil(seconds) + ramp_seconds(users)}s", "--only-summary", "--reset-stats"),
        *arguments,
    ]
    with (
        log_file.open("w", encoding="utf-8") as output,
        secret_pipe() as pipe,
        running_locust(command, handover(context, server, summary_file, pipe, columns), output=output) as locust,
        context.console.waiting(f"{users} Locust users for {seconds:g} s"),
        suppress(subprocess.TimeoutExpired),
    ):  # on a timeout, `running_locust` stops Locust on exit; its summary is read below
        locust.wait(timeout=seconds + ramp_seconds(users) + GRACE_SECONDS)
    for written in (log_file, summary_file, *(columns.rglob("*.json") if columns is not None else ())):
        hide_in_file(written, server.target.secrets)
    if not summary_file.is_file():
        raise _without_summary(log_file, locust.returncode, context.workloads)
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    if (mistake := summary["mistake"]) is not None:
        raise WorkloadError(mistake)
    return _result_of(summary, server)


def _without_summary(log_file: Path, exit_code: int, workloads: Iterable[str]) -> WsproofError:
    """The error for a Locust run that left no summary."""
    log = log_file.read_text(encoding="utf-8")
    unknown = UNKNOWN_USERS.search(log)
    if unknown is not None:
        return UsageError(
            f"--scenario {unknown[1].strip()} names no user class. The user classes of channels are named after "
            f"their workloads, such as {', '.join(map(user_class_name, workloads))}."
        )
    tail = "\n".join(log.splitlines()[-15:])
    return CannotTellError(f"Locust ended with {exit_code} and left no summary. The last lines of its output:\n{tail}")


def _result_of(summary: Mapping[str, Any], server: RunningServer) -> LoadResult:
    """The result of a run that Locust summarized. A server that ended is a finding as well."""
    end = server.ended()
    ended = end_findings((end,) if end is not None else ())
    findings = (*ended, *(Finding.from_json(finding) for finding in summary["findings"]))
    loaded = LoadSummary.from_json(summary)
    verdict = Verdict.worst([loaded.verdict, verdict_of(ended)])
    objectives = tuple(ObjectiveOutcome.from_json(outcome) for outcome in summary["objectives"])
    return LoadResult(loaded, findings, verdict, objectives)


def user_class_name(workload: str) -> str:
    """The name of a workload's user class in `wsproof.locust.locustfile`: `ChatUser` for chat."""
    return "".join(word.capitalize() for word in workload.replace("-", "_").split("_")) + "User"


def hide_in_file(path: Path, secrets: tuple[str, ...]) -> None:
    """Hide the secrets in a file that Locust wrote. It may contain messages of the server."""
    if path.is_file():
        write_text(path, hide_known(path.read_text(encoding="utf-8", errors="replace"), secrets))
