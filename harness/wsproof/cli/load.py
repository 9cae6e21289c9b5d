"""`wsproof load`: many Locust users against a target, in the web UI or headless."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from wsproof.cli.exit_codes import exit_code_of
from wsproof.cli.secret_pipe import secret_pipe
from wsproof.errors import CannotTellError, ExitCode, UsageError, WorkloadError
from wsproof.model.finding import Finding, Verdict, verdict_of
from wsproof.model.server_end import end_findings
from wsproof.net.redact import hide_known
from wsproof.report.formats.terminal import show_findings, show_load, show_verdict
from wsproof.report.store.atomic import write_text
from wsproof.report.store.run_dir import RunDir
from wsproof.session.context import CommandContext
from wsproof.target.server import RunningServer
from wsproof.workloads import CHANNELS

UNKNOWN_USERS = re.compile(r"Unknown User\(s\): (.*)")
"""What Locust says of a user class that is not there."""
GRACE_SECONDS = 30.0
"""How much longer than its own run time Locust may take to start, drain and report."""


@dataclass(frozen=True)
class LoadResult:
    """What a headless Locust run came to; `summary` is what the record keeps."""

    summary: Mapping[str, Any]
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def trusted(self) -> bool:
        """Whether no figure of any room is void."""
        warnings = [warning for room in self.summary.get("rooms", ()) for warning in room.get("warnings", ())]
        return not any(warning["voids"] for warning in warnings)


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Start the target and Locust beside it."""
    stage = CommandContext(arguments)
    stage.needed_channels()
    require_locust()
    if not arguments.headless:
        with stage.running() as server:
            return in_the_browser(stage, server)
    with stage.running() as server, stage.record("load") as log:
        log.change(target=stage.describe(server))
        log.keep_output(server)
        result = load_server(
            stage,
            server,
            users=arguments.users,
            seconds=arguments.duration,
            folder=log.folder,
            scenarios=arguments.scenario,
            handed_on=arguments.handed_on,
        )
        kept = log.folder.keep_findings(result.findings, log.record.target)
        log.add_part("load", result.summary)
        log.change(verdict=result.verdict, trusted=result.trusted, findings=kept)
        show_load(stage.console, result.summary)
        show_findings(stage.console, kept, all_known=stage.arguments.all)
        show_verdict(stage.console, result.verdict)
    stage.write_accepted(log.record.findings)
    stage.write_json(log.record.to_json())
    return exit_code_of(log.record.verdict, void=not log.record.trusted, strict_trust=arguments.strict_trust)


def require_locust() -> None:
    """
    Raises:
        UsageError: Locust is not installed.
    """
    from importlib.util import find_spec

    if find_spec("locust") is None:
        raise UsageError("this needs Locust, which is not installed: pip install 'wsproof[locust]'")


def locust_command(stage: CommandContext, server: RunningServer, users: int, scenarios: Sequence[str]) -> list[str]:
    """The command line, as a person would type it."""
    return [
        *(sys.executable, "-m", "locust", "-f", str(locustfile(stage.needed_channels()))),
        *("--host", server.endpoint.at("/").url.rstrip("/")),
        *("--users", str(users), "--spawn-rate", str(max(users / 4, 1))),
        *scenarios,
    ]


def locustfile(channels: str) -> Path:
    """The scenarios of this checkout, for its own channels; else the module that ships with wsproof."""
    here = Path.cwd() / "scenarios"
    if channels in CHANNELS and (here / "chat.py").is_file() and (Path.cwd() / "harness" / "wsproof").is_dir():
        return here
    from importlib.util import find_spec

    spec = find_spec("wsproof")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "locust" / "locustfile.py"


def environment(stage: CommandContext, server: RunningServer, summary: Path | None = None) -> dict[str, str]:
    """What `wsproof.locust` reads from its environment. Headers and tokens go this way, so that no `ps` shows them."""
    told = {
        "WSPROOF_CHANNELS": stage.needed_channels(),
        "WSPROOF_SETTINGS": json.dumps(stage.settings),
        "WSPROOF_ENDPOINT": json.dumps(server.endpoint.to_json()),
        "WSPROOF_KNOWN_DEVIATIONS": json.dumps(server.known_deviations.to_json()),
    }
    if server.owned:
        told["WSPROOF_OWNED"] = server.endpoint.at("/").url.rstrip("/")
    if summary is not None:
        told["WSPROOF_LOAD_SUMMARY"] = str(summary)
    return {**os.environ, **told}


def in_the_browser(stage: CommandContext, server: RunningServer) -> ExitCode:
    """Run Locust's web UI until it is stopped."""
    given = stage.arguments
    command = [*locust_command(stage, server, given.users, given.scenario), *given.handed_on]
    stage.console.print(f"target: {server.endpoint.at('/').url}  (Ctrl-C ends both)", markup=False)
    with started(command, environment(stage, server)) as locust:
        return ExitCode.OK if locust.wait() == 0 else ExitCode.FAILED


def load_server(
    stage: CommandContext,
    server: RunningServer,
    *,
    users: int,
    seconds: float,
    folder: RunDir,
    scenarios: Sequence[str] = (),
    handed_on: Sequence[str] = (),
) -> LoadResult:
    """Run Locust headless for `seconds` and read its summary.

    Raises:
        CannotTellError: Locust ended without a summary; the message has its last lines.
    """
    summary_file = folder.path / "load.json"
    log_file = folder.path / "locust.log"
    command = [
        *locust_command(stage, server, users, scenarios),
        *("--headless", "--run-time", f"{ceil(seconds)}s", "--only-summary", "--reset-stats"),
        *handed_on,
    ]
    with (
        log_file.open("w", encoding="utf-8") as output,
        secret_pipe() as pipe,
        started(command, environment(stage, server, summary_file), output=output, pipe=pipe) as locust,
        stage.console.status(f"{users} Locust users for {seconds:g} s"),
        suppress(subprocess.TimeoutExpired),
    ):  # it is stopped on the way out, and what it left is read
        locust.wait(timeout=seconds + GRACE_SECONDS)
    for written in (log_file, summary_file):
        hide_in_file(written, server.target.secrets)
    if not summary_file.is_file():
        unknown = UNKNOWN_USERS.search(log_file.read_text(encoding="utf-8"))
        if unknown is not None:
            raise UsageError(
                f"--scenario {unknown[1].strip()} names no user class: those of channels are called after their "
                f"workloads, such as {', '.join(map(user_class_name, stage.workloads))}."
            )
        tail = "\n".join(log_file.read_text(encoding="utf-8").splitlines()[-15:])
        raise CannotTellError(f"Locust ended with {locust.returncode} and left no summary. Its last words:\n{tail}")
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    if (mistake := summary.pop("mistake", None)) is not None:
        raise WorkloadError(mistake)
    end = server.ended()
    ended = end_findings((end,) if end is not None else ())
    findings = (*ended, *(Finding.from_json(finding) for finding in summary.get("findings", ())))
    return LoadResult(summary, findings, Verdict.worst([Verdict(summary["verdict"]), verdict_of(ended)]))


def user_class_name(workload: str) -> str:
    """`ChatUser` for the workload chat: as `wsproof.locust.locustfile` names them."""
    return "".join(word.capitalize() for word in workload.replace("-", "_").split("_")) + "User"


def hide_in_file(path: Path, secrets: tuple[str, ...]) -> None:
    """Take the secrets out of what Locust wrote: messages of the server are in there."""
    if path.is_file():
        write_text(path, hide_known(path.read_text(encoding="utf-8", errors="replace"), secrets))


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], output: Any = None, pipe: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is asked to stop, and waited for, however we leave. It tells the secrets of its users to `pipe`."""
    inherited = () if pipe is None else (pipe,)
    told = {"WSPROOF_SECRETS_TO": str(pipe)} if pipe is not None else {}
    child = subprocess.Popen(
        command, env={**env, **told}, stdout=output, stderr=output, stdin=subprocess.DEVNULL, pass_fds=inherited
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
