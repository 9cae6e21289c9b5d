"""What every verb needs before it can begin: the target, its channels, a console, and a place for the run."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from wsproof.deviations import deviations_file
from wsproof.errors import UsageError
from wsproof.load.cores import choose_processes
from wsproof.model.arrivals import Ramp, Trace
from wsproof.model.finding import Finding
from wsproof.model.plan import Plan
from wsproof.model.record import RunRecord
from wsproof.net.budget import Budget
from wsproof.net.redact import redact_settings
from wsproof.report.formats.terminal import show_run
from wsproof.report.store.atomic import dumps, write_json, write_text
from wsproof.report.store.runs import RunStore
from wsproof.session.console import console
from wsproof.session.quick_settings import quickened
from wsproof.session.run_recorder import RunRecorder
from wsproof.target.introspect import resolve_path
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import Target, parse_target
from wsproof.workloads import Workload, environment_of, load_channels, parse_settings, warn_of_oddities

TUTORIAL = "tutorial"
SETTINGS_AS_OPTIONS = ("rooms", "format")
"""Settings of workloads that have an option of their own, of the same name."""


@dataclass
class CommandContext:
    """One command at work. Built from its arguments; everything in it is made on first use."""

    arguments: argparse.Namespace
    log: RunRecorder | None = field(default=None, init=False)
    """The record of the command, once it is begun."""
    budget: Budget = field(init=False)
    """The time for all checks; it counts from the beginning of the command, so that to start the server takes of it."""

    def __post_init__(self) -> None:
        self._began = getattr(self.arguments, "began", time.monotonic())
        self.budget = Budget.of_check(getattr(self.arguments, "budget", None), self.elapsed_s)
        # Said before the work and not after it: a verdict that cannot be written down at the end would be lost.
        for option in ("json", "junit", "markdown", "hdr", "write_accepted"):
            where: Path | None = getattr(self.arguments, option, None)
            if where is not None and where != Path("-"):
                require_writable(where, f"--{option.replace('_', '-')}")

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    @cached_property
    def console(self) -> Console:
        """Where people read: stderr when the result itself goes to stdout as JSON."""
        to_stdout = getattr(self.arguments, "json", None) == Path("-")
        return console(stderr=to_stdout)

    @cached_property
    def target(self) -> Target:
        """The target that was named, checked but not started."""
        return self.target_at(Path.cwd())

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """What must not be written down: the target's secrets, and what is sent to log in."""
        login = getattr(self.arguments, "login", ())
        return (*self.target.secrets, *(each for each in login if isinstance(each, str)))

    def target_at(self, folder: Path, python: str | None = None) -> Target:
        """The same target in another folder, and started by another Python: a build of it."""
        given = self.arguments
        return parse_target(
            given.target,
            server=given.server,
            path=given.path,
            ready=given.ready,
            env=given.env,
            headers=given.header,
            subprotocols=given.subprotocol,
            origin=given.origin,
            token=given.token,
            ca=given.ca,
            insecure=given.insecure,
            unix=given.unix,
            metrics_url=getattr(given, "metrics_url", None),  # of the verbs that measure only
            metrics_token=getattr(given, "metrics_token", None),
            remote=given.remote,
            known_deviations=given.known_deviations,
            server_hint=given.server_hint,
            cwd=folder,
            python=python,
        )

    @cached_property
    def settings(self) -> dict[str, str]:
        """The `--set` parameters; checks of our own servers begin with a faster feed."""
        given = parse_settings(self.arguments.settings) | self._settings_by_options()
        return quickened(given, self.target) if self.arguments.verb in ("check", "run") else given

    def _settings_by_options(self) -> dict[str, str]:
        """`--rooms` and `--format`, which are settings of the workload that is measured.

        Raises:
            UsageError: it has no such setting.
        """
        options = {name: getattr(self.arguments, name, None) for name in SETTINGS_AS_OPTIONS}
        said = {name: str(value) for name, value in options.items() if value is not None}
        if not said:
            return {}
        workloads = load_channels(self.needed_channels())
        workload = self._chosen(workloads)
        for name in said:
            if name not in workloads[workload].parameters:
                able = [other for other, one in workloads.items() if name in one.parameters]
                raise UsageError(
                    f"the workload {workload} has no setting called {name}, so --{name} means nothing to it; "
                    f"of the channels {self.channels}, these have: {', '.join(able) or 'none'}."
                )
        return {f"{workload}.{name}": value for name, value in said.items()}

    @cached_property
    def channels(self) -> str | None:
        """The name of the channels; the reference server needs none to be said."""
        named: str | None = self.arguments.channels
        return named or (TUTORIAL if self.target.is_reference else None)

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """The workloads of the channels; none where nothing says what lives where."""
        workloads = load_channels(self.channels, self.settings) if self.channels else {}
        warn_of_oddities(workloads.values())
        return workloads

    @cached_property
    def store(self) -> RunStore:
        """Where runs are kept."""
        return RunStore.open(self.arguments.out, Path.cwd())

    def needed_channels(self) -> str:
        """The name of the channels.

        Raises:
            UsageError: there is none, and this verb cannot work without.
        """
        if self.channels is None:
            raise UsageError(
                "this needs to know what lives where at the target: say --channels tutorial if it speaks the "
                "tutorial's formats, or --channels your.module with workloads of your own (`wsproof list workloads`)."
            )
        return self.channels

    @property
    def workload_name(self) -> str:
        """The workload that was named; else chat, or the only one that the channels have.

        Raises:
            UsageError: the channels have no such workload, or several to choose from.
        """
        self.needed_channels()
        return self._chosen(self.workloads)

    def _chosen(self, workloads: Mapping[str, Workload]) -> str:
        named: str | None = self.arguments.workload
        if named is None:
            named = next(iter(workloads)) if len(workloads) == 1 else "chat"
        if named not in workloads:
            there = ", ".join(workloads)
            asked = f"no workload {named!r}" if self.arguments.workload else "several workloads and no chat among them"
            raise UsageError(f"the channels {self.channels!r} have {asked}: say --workload with one of {there}.")
        return named

    @contextmanager
    def running(self, *, port: int | None = None, wire: bool = False, connections: int = 0) -> Iterator[RunningServer]:
        """The target, up: started here, or the URL that was named. `wire`: its WebSocket path must be known.

        It may open as many files as `connections` need, and those of the options: subscribers, users.

        Raises:
            UsageError: the path is not said, and the app has not just one; or it cannot have so many files here.
        """
        given = vars(self.arguments)
        most = max(connections, given.get("subscribers") or 0, given.get("users") or 0)
        target = self.target.at_wire_path(self.workloads)
        if wire:
            target = resolve_path(target)
        with serve(target, port=port, extra_env=environment_of(self.workloads), connections=most) as server:
            yield server

    def plan(self, server: RunningServer | None = None) -> Plan:
        """The plan that the options describe. `server`, where it is up already, tells how many cores it will need."""
        given = self.arguments
        if given.in_flight is not None and not given.closed:
            raise UsageError("--in-flight is for a closed loop: add --closed, or leave it out.")
        plan = Plan(
            workload=self.workload_name,
            subscribers=given.subscribers,
            publishers=given.publishers,
            rate_hz=given.rate,
            duration_s=given.duration,
            warmup_s=given.warmup,
            payload_bytes=round(given.payload.mean),
            sizes=None if given.payload.bytes[0] == given.payload.largest else given.payload,
            connect_hz=given.connect_rate,
            deflate=given.deflate,
            steps=given.steps,
            arrivals=given.arrivals,
            in_flight=(given.in_flight or 1) if given.closed else None,
            processes=given.processes or self.processes_for(given.subscribers, server),
            pin=given.pin,
            event_loop=given.loop,
            seed=given.seed,
        )
        # A ramp and a trace have rates of their own: the record says what came of them.
        if isinstance(plan.arrivals, Ramp):
            return replace(plan, rate_hz=plan.arrivals.mean_hz())
        if isinstance(plan.arrivals, Trace):
            return replace(plan, rate_hz=plan.arrivals.mean_hz(plan.span))
        return plan

    def processes_for(self, subscribers: int, server: RunningServer | None = None) -> int:
        """How many processes are to generate load where `--processes` does not say it."""
        taken = server.cores if server is not None else int(self.target.is_here)
        return choose_processes(subscribers, server_cores=taken, workloads=getattr(self.arguments, "workloads", 1))

    def record(self, command: str) -> RunRecorder:
        """The record of this command, written as it comes."""
        # What cannot be started should leave no empty run behind: look at the target before making a folder.
        _ = self.target, self.workloads
        self.log = RunRecorder(self.store, command, Path.cwd(), self.console)
        return self.log

    def describe(self, server: RunningServer) -> dict[str, Any]:
        """What a record says of the target: what runs, and what it takes to speak to it again."""
        return {**server.describe(), "channels": self.channels, "settings": redact_settings(self.settings)}

    def headline(self, text: str) -> None:
        """Tell which part of a long job begins."""
        self.console.print(f"\n{text}", style="bold", markup=False)

    def show_run(self, record: RunRecord) -> None:
        """Show a run; known deviations of server libraries one by one where `--all` asks for it."""
        show_run(self.console, record, all_known=self.arguments.all)

    def write_accepted(self, findings: Iterable[Finding]) -> None:
        """The file of known deviations that `--write-accepted` asked for."""
        where: Path | None = self.arguments.write_accepted
        if where is not None:
            write_text(where, deviations_file(findings))

    def write_json(self, document: Mapping[str, Any]) -> None:
        """The copy for machines that `--json` asked for."""
        where: Path | None = getattr(self.arguments, "json", None)
        if where is None:
            return
        if where == Path("-"):
            sys.stdout.write(dumps(document))
        else:
            write_json(where, document)


def require_writable(path: Path, option: str) -> None:
    """See that a file can be written there.

    Raises:
        UsageError: its folder is not there or not ours to write, or it is a folder itself.
    """
    if path.is_dir():
        raise UsageError(f"{option} wants a file, and {path} is a folder; name a file in it.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"{option} {path}: there is no folder {path.parent} that can be written to; make it first.")
