"""The context of a command: its target, channels, console and run directory."""

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
"""Workload settings that also have a command-line option of the same name."""


@dataclass
class CommandContext:
    """The context of one command, built from its arguments. Most properties are computed on first use."""

    arguments: argparse.Namespace
    log: RunRecorder | None = field(default=None, init=False)
    """The command's run recorder; None until `record` is called."""
    budget: Budget = field(init=False)
    """The time for all checks, from the start of the command. Starting the server uses part of this time."""

    def __post_init__(self) -> None:
        self._began = getattr(self.arguments, "began", time.monotonic())
        self.budget = Budget.of_check(getattr(self.arguments, "budget", None), self.elapsed_s)
        # Check the output paths before the work: a verdict that cannot be written at the end would be lost.
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
        """The console: stderr if the JSON result goes to stdout, else stdout."""
        to_stdout = getattr(self.arguments, "json", None) == Path("-")
        return console(stderr=to_stdout)

    @cached_property
    def target(self) -> Target:
        """The target of the command line, parsed and checked but not started."""
        return self.target_at(Path.cwd())

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must never be written: the target's secrets and the text messages of `--login`."""
        login = getattr(self.arguments, "login", ())
        return (*self.target.secrets, *(each for each in login if isinstance(each, str)))

    def target_at(self, folder: Path, python: str | None = None) -> Target:
        """The target with another working directory and, if given, another Python: another build of the app."""
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
            metrics_url=getattr(given, "metrics_url", None),  # only the verbs that measure have these two
            metrics_token=getattr(given, "metrics_token", None),
            remote=given.remote,
            known_deviations=given.known_deviations,
            server_hint=given.server_hint,
            cwd=folder,
            python=python,
        )

    @cached_property
    def settings(self) -> dict[str, str]:
        """The workload settings of the options. Checks of the reference server default to a faster feed."""
        given = parse_settings(self.arguments.settings) | self._settings_by_options()
        return quickened(given, self.target) if self.arguments.verb in ("check", "run") else given

    def _settings_by_options(self) -> dict[str, str]:
        """The settings given as `--rooms` and `--format`, for the workload that is measured.

        Raises:
            UsageError: the workload has no such setting.
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
        """The name of the channels. Defaults to the tutorial's channels for the reference server, else None."""
        named: str | None = self.arguments.channels
        return named or (TUTORIAL if self.target.is_reference else None)

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """The workloads of the channels; empty if no channels are named."""
        workloads = load_channels(self.channels, self.settings) if self.channels else {}
        warn_of_oddities(workloads.values())
        return workloads

    @cached_property
    def store(self) -> RunStore:
        """The store of runs: `--out`, or the default directory."""
        return RunStore.open(self.arguments.out, Path.cwd())

    def needed_channels(self) -> str:
        """The name of the channels.

        Raises:
            UsageError: no channels are named, and this verb needs them.
        """
        if self.channels is None:
            raise UsageError(
                "this needs to know what lives where at the target: say --channels tutorial if it speaks the "
                "tutorial's formats, or --channels your.module with workloads of your own (`wsproof list workloads`)."
            )
        return self.channels

    @property
    def workload_name(self) -> str:
        """The workload of `--workload`. Default: the only workload of the channels, else chat.

        Raises:
            UsageError: the channels have no such workload, or have several and none is called chat.
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
        """Start the target, or connect to the URL that was named. `wire`: the WebSocket path must be known.

        The server gets enough file descriptors for `connections` and for the subscribers and users of the options.

        Raises:
            UsageError: the path is not given and the app does not have exactly one, or the limit of file
                descriptors is too low.
        """
        given = vars(self.arguments)
        most = max(connections, given.get("subscribers") or 0, given.get("users") or 0)
        target = self.target.at_wire_path(self.workloads)
        if wire:
            target = resolve_path(target)
        with serve(target, port=port, extra_env=environment_of(self.workloads), connections=most) as server:
            yield server

    def plan(self, server: RunningServer | None = None) -> Plan:
        """The plan that the options describe. A running `server` tells how many cores it needs."""
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
        # A ramp and a trace define the rate, so the plan records their mean rate.
        if isinstance(plan.arrivals, Ramp):
            return replace(plan, rate_hz=plan.arrivals.mean_hz())
        if isinstance(plan.arrivals, Trace):
            return replace(plan, rate_hz=plan.arrivals.mean_hz(plan.span))
        return plan

    def processes_for(self, subscribers: int, server: RunningServer | None = None) -> int:
        """The number of load-generating processes if `--processes` is not given."""
        taken = server.cores if server is not None else int(self.target.is_here)
        return choose_processes(subscribers, server_cores=taken, workloads=getattr(self.arguments, "workloads", 1))

    def record(self, command: str) -> RunRecorder:
        """Begin the command's run record, which is written incrementally."""
        # Parse the target and the workloads before the folder is made: a usage error must not leave an empty run.
        _ = self.target, self.workloads
        self.log = RunRecorder(self.store, command, Path.cwd(), self.console)
        return self.log

    def describe(self, server: RunningServer) -> dict[str, Any]:
        """The description of the target for the record, with all that a replay needs except secrets."""
        return {**server.describe(), "channels": self.channels, "settings": redact_settings(self.settings)}

    def headline(self, text: str) -> None:
        """Print the heading of the next part of a long command."""
        self.console.print(f"\n{text}", style="bold", markup=False)

    def show_run(self, record: RunRecord) -> None:
        """Print a run. With `--all`, known deviations of server libraries are listed one by one."""
        show_run(self.console, record, all_known=self.arguments.all)

    def write_accepted(self, findings: Iterable[Finding]) -> None:
        """Write the findings as a file of known deviations, if `--write-accepted` asks for one."""
        where: Path | None = self.arguments.write_accepted
        if where is not None:
            write_text(where, deviations_file(findings))

    def write_json(self, document: Mapping[str, Any]) -> None:
        """Write the document as JSON to the file of `--json`, or to stdout for `-`."""
        where: Path | None = getattr(self.arguments, "json", None)
        if where is None:
            return
        if where == Path("-"):
            sys.stdout.write(dumps(document))
        else:
            write_json(where, document)


def require_writable(path: Path, option: str) -> None:
    """Check that a file can be written at the path of an option.

    Raises:
        UsageError: the path is a folder, or its folder does not exist or is not writable.
    """
    if path.is_dir():
        raise UsageError(f"{option} wants a file, and {path} is a folder; name a file in it.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"{option} {path}: there is no folder {path.parent} that can be written to; make it first.")
