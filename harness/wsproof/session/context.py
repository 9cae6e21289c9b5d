"""The context of a session function: its target, channels, settings, console and runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from wsproof.errors import UsageError
from wsproof.model import reference_server
from wsproof.net.budget import Budget
from wsproof.net.redact import redact_settings
from wsproof.report.store.runs import RunStore
from wsproof.session.console import SILENT, Console
from wsproof.session.options import (
    CheckOptions,
    KeptOptions,
    MeasureOptions,
    ReplayOptions,
    TargetOptions,
)
from wsproof.session.run_recorder import RunRecorder
from wsproof.target.introspect import resolve_path
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import Target, parse_target
from wsproof.workloads import Workload, environment_of, load_channels, parse_settings, warn_of_unknown_names

O_co = TypeVar("O_co", bound=TargetOptions, covariant=True)


class CommandContext(Generic[O_co]):
    """The context of one session function, built from its options. Most properties are computed on first use.

    `began`: the start of the command, in seconds of `time.monotonic`.
    """

    def __init__(self, options: O_co, console: Console = SILENT, began: float | None = None) -> None:
        self.options = options
        self.console = console
        self._began = time.monotonic() if began is None else began
        self.log: RunRecorder | None = None
        """The command's run recorder; None until `record` is called."""
        self.budget = Budget.of_check(options.budget_s if isinstance(options, CheckOptions) else None, self.elapsed_s)
        """The time for all checks, counted from the start of the command. The start of the server is part of it."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    @cached_property
    def target(self) -> Target:
        """The target of the options, parsed and checked but not started."""
        return self.target_at(Path.cwd())

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must never be written: the target's secrets and the text messages of `--login`."""
        login = self.options.login if isinstance(self.options, CheckOptions | ReplayOptions) else ()
        return (*self.target.secrets, *(each for each in login if isinstance(each, str)))

    def target_at(self, folder: Path, python: str | None = None) -> Target:
        """The target with another working directory and, if given, another Python: another build of the app."""
        return target_of(self.options, folder, python)

    @cached_property
    def settings(self) -> dict[str, str]:
        """The workload settings of the options. Checks of the reference server default to a faster feed."""
        settings = parse_settings(list(self.options.settings)) | self._settings_by_options()
        if isinstance(self.options, CheckOptions):
            return reference_server.with_faster_feed(settings, self.target.app)
        return settings

    def _settings_by_options(self) -> dict[str, str]:
        """The settings given as `--rooms` and `--format`, for the workload that is measured.

        Raises:
            UsageError: the workload has no such setting.
        """
        options = self.options
        if not isinstance(options, MeasureOptions) or (options.rooms is None and options.format is None):
            return {}
        chosen = {"rooms": options.rooms, "format": options.format}
        workloads = load_channels(self.needed_channels())
        workload = self._chosen(workloads)
        values = {name: str(value) for name, value in chosen.items() if value is not None}
        for name in values:
            if name not in workloads[workload].parameters:
                able = [other for other, candidate in workloads.items() if name in candidate.parameters]
                raise UsageError(
                    f"the workload {workload} has no setting called {name}, so --{name} does not apply to it. "
                    f"These workloads of {self.channels} have one: {', '.join(able) or 'none'}."
                )
        return {f"{workload}.{name}": value for name, value in values.items()}

    @cached_property
    def channels(self) -> str | None:
        """The name of the channels. Defaults to the tutorial's channels for the reference server, else None."""
        return self.options.channels or (reference_server.CHANNELS if self.target.is_reference else None)

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """The workloads of the channels; empty if no channels are named."""
        workloads = load_channels(self.channels, self.settings) if self.channels else {}
        warn_of_unknown_names(workloads.values())
        return workloads

    @cached_property
    def store(self) -> RunStore:
        """The store of runs: `--out`, or the default directory."""
        return RunStore.open(self._out, Path.cwd())

    @property
    def _out(self) -> Path | None:
        return self.options.out if isinstance(self.options, KeptOptions) else None

    def needed_channels(self) -> str:
        """The name of the channels.

        Raises:
            UsageError: no channels are named, and this verb needs them.
        """
        if self.channels is None:
            raise UsageError(
                "no channels given. Use --channels tutorial for servers that follow the FastAPI tutorial, or "
                "--channels your.module with workloads of your own (`wsproof list workloads`)."
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
        chosen = self.options.workload if isinstance(self.options, MeasureOptions) else None
        named = chosen
        if named is None:
            named = next(iter(workloads)) if len(workloads) == 1 else "chat"
        if named not in workloads:
            names = ", ".join(workloads)
            problem = f"no workload {named!r}" if chosen else "several workloads, and none is called chat"
            raise UsageError(f"the channels {self.channels!r} have {problem}: give --workload with one of {names}.")
        return named

    def wire_target(self) -> Target:
        """The target with its WebSocket path.

        Raises:
            UsageError: the path is not given, and the app does not have exactly one.
            TargetError: the app cannot be imported.
        """
        return resolve_path(self.target.at_wire_path(self.workloads))

    @contextmanager
    def running(self, *, port: int | None = None, wire: bool = False, connections: int = 0) -> Iterator[RunningServer]:
        """Start the target, or connect to its URL. `wire`: the WebSocket path must be known.

        The server gets enough file descriptors for `connections`.

        Raises:
            UsageError: the path is not given and the app does not have exactly one, or the limit of file
                descriptors is too low.
        """
        target = self.wire_target() if wire else self.target.at_wire_path(self.workloads)
        with serve(target, port=port, extra_env=environment_of(self.workloads), connections=connections) as server:
            yield server

    def record(self, command: str) -> RunRecorder:
        """Begin the command's run record, which is written incrementally."""
        # Parse the target and the workloads before the folder is made: a usage error must not leave an empty run.
        _ = self.target, self.workloads
        self.log = RunRecorder(self.store, command, Path.cwd(), self.console)
        return self.log

    def describe(self, server: RunningServer) -> dict[str, Any]:
        """The description of the target for the record, with all that a replay needs except secrets."""
        return {**server.describe(), "channels": self.channels, "settings": redact_settings(self.settings)}


def target_of(options: TargetOptions, folder: Path, python: str | None = None) -> Target:
    """The target that the options describe, parsed and checked but not started.

    Raises:
        UsageError: the options describe no target.
    """
    measured = options if isinstance(options, MeasureOptions) else None
    return parse_target(
        options.target,
        server=options.server,
        path=options.path,
        ready=options.ready,
        env=options.env,
        headers=options.header,
        subprotocols=options.subprotocol,
        origin=options.origin,
        token=options.token,
        ca=options.ca,
        insecure=options.insecure,
        cert=options.cert,
        key=options.key,
        user_file=options.user_file,
        unix=options.unix,
        metrics_url=measured.metrics_url if measured else None,
        metrics_token=measured.metrics_token if measured else None,
        remote=options.remote,
        known_deviations=options.known_deviations,
        server_hint=options.server_hint,
        cwd=folder,
        python=python,
    )
