"""The one table of options: one class per group of options, and one per session function.

Each field has its type, its default and its help here, and nowhere else. `Option.arguments` makes the arguments of the
command line, of pytest (`--ws-path`) and of Locust from it. A Python program uses the same names:
`CheckOptions("shop.asgi:app", path="/ws")`.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wsproof.net.budget import DEFAULT_BUDGET_S, QUICK_BUDGET_S
from wsproof.session.option import option, options_in, with_default
from wsproof.session.option_text import (
    arrivals,
    budget,
    faults,
    message,
    percent,
    positive,
    positive_number,
    seconds,
    seconds_or_none,
    sizes,
)

if TYPE_CHECKING:
    from wsproof.model.arrivals import Arrivals
    from wsproof.model.fault_load import FaultLoad
    from wsproof.model.sizes import Sizes

_CHECKS, _FAULTS, _LOAD, _METERING, _SEARCH, _TARGET = "checks", "faults", "load", "metering", "search", "target"
GROUP_NOTES = {
    _METERING: "wsproof measures the usage of a server that it starts. Any other server can publish its usage:"
}
"""Sentences below the headings of groups."""


@dataclass(frozen=True)
class TargetOptions:
    """The target, how it is started or reached, and its channels."""

    target: str | None = option(
        "ws:// URL, pkg.module:app, or cmd:COMMAND; default: that of pyproject.toml, else the reference server",
        metavar="TARGET",
        positional=True,
    )
    _: KW_ONLY
    server: str = option("the server that runs an app (`wsproof list servers`)", "auto", metavar="NAME", group=_TARGET)
    path: str | None = option("the WebSocket path to test", metavar="PATH", group=_TARGET)
    ready: str | None = option(
        "for cmd: targets: the URL that answers once the server is up; {{port}} is filled in",
        metavar="URL",
        group=_TARGET,
    )
    env: tuple[str, ...] = option(
        "an environment variable for the server that is started",
        repeats=True,
        metavar="K=V",
        group=_TARGET,
        secret=True,
    )
    header: tuple[str, ...] = option(
        "a header for every handshake", repeats=True, metavar="'N: V'", group=_TARGET, secret=True
    )
    subprotocol: tuple[str, ...] = option(
        "a subprotocol to offer", repeats=True, metavar="NAME", group=_TARGET, secret=True
    )
    origin: str | None = option("the Origin header to send", metavar="ORIGIN", group=_TARGET)
    token: str | None = option("a bearer token; redacted in all outputs", metavar="TOKEN", group=_TARGET, secret=True)
    ca: str | None = option("certificates to trust for wss://", metavar="FILE", group=_TARGET)
    cert: str | None = option("a client certificate for a wss:// server", metavar="FILE", group=_TARGET)
    key: str | None = option("the key of --cert, if it is not in the same file", metavar="FILE", group=_TARGET)
    user_file: str | None = option(
        "a CSV file with one user per member; column names in braces are filled in, in --header, --token and query",
        metavar="FILE",
        group=_TARGET,
    )
    unix: str | None = option("connect to a ws:// target through this Unix socket", metavar="PATH", group=_TARGET)
    insecure: bool = option("do not verify certificates", False, group=_TARGET)
    remote: bool = option("allow a target that is not on loopback", False, group=_TARGET)
    known_deviations: Path | None = option(
        "a file of known deviations of this server, with reasons; they are shown but do not count",
        flags=("--known-deviations", "--accepted"),
        parse=Path,
        metavar="FILE",
        group=_TARGET,
    )
    server_hint: str | None = option(
        "the server library of a target that wsproof does not start; its known deviations do not count",
        metavar="NAME",
        group=_TARGET,
    )
    channels: str | None = option("tutorial, reference, or the module with your own workloads", metavar="CHANNELS")
    settings: tuple[str, ...] = option(
        "a setting of a workload, e.g. dashboard.period=0.1 (`wsproof list workloads`)",
        flags=("--set",),
        repeats=True,
        metavar="NAME.KEY=VALUE",
        secret=True,
    )


@dataclass(frozen=True, kw_only=True)
class KeptOptions(TargetOptions):
    """The target, and where its runs are kept."""

    out: Path | None = option(
        "folder for runs (default: reports/ in a checkout of wsproof, .wsproof/ elsewhere)", parse=Path, metavar="DIR"
    )


@dataclass(frozen=True, kw_only=True)
class TrustOptions(KeptOptions):
    """The treatment of void figures."""

    strict_trust: bool = option("exit with 3 if any figure is void, with or without --slo", False)


@dataclass(frozen=True, kw_only=True)
class CheckOptions(KeptOptions):
    """The choice of checks, their messages and their time limit."""

    only: tuple[str, ...] = option(
        "run only checks whose section or name starts with PREFIX, e.g. 5.5",
        repeats=True,
        metavar="PREFIX",
        group=_CHECKS,
    )
    seed: int = option("seed of all generated traffic (default {default})", 0, parse=int, metavar="N", group=_CHECKS)
    examples: int | None = option("generated examples per property", parse=positive, metavar="N", group=_CHECKS)
    budget: float | None = option(
        "time limit for all checks and the start of the server (default {default}s; none: no limit)",
        DEFAULT_BUDGET_S,
        parse=budget,
        metavar="S",
        group=_CHECKS,
    )
    sample: str | bytes | None = option(
        "a message that the endpoint accepts (hex:00ff for a binary one); the checks send no other message",
        flags=("--sample", "--valid-message"),
        parse=message,
        metavar="TEXT",
        group=_CHECKS,
    )
    login: tuple[str | bytes, ...] = option(
        "a message to send first on every connection, to log in (repeatable, redacted)",
        repeats=True,
        parse=message,
        metavar="TEXT",
        group=_CHECKS,
        secret=True,
    )
    disturb: str | None = option(
        "a command that disturbs the server or its backend; afterwards members must receive messages again",
        metavar="COMMAND",
        group=_CHECKS,
    )
    revoke: str | None = option(
        "a command or a URL (POST) that revokes a member's access; {{n}} is its number, {{name}} its name",
        metavar="COMMAND|URL",
        group=_CHECKS,
        secret=True,
    )
    idle: float | None = option(
        "keep silent members connected S seconds longer at the end, and tell when the server closes their connections",
        parse=seconds,
        metavar="S",
        group=_CHECKS,
    )
    strict: bool = option("count non-strict findings as violations", False, group=_CHECKS)
    quick: bool = option(
        "only the most revealing checks, channels first; 15 s at most, unless --budget is given",
        False,
        group=_CHECKS,
    )

    @property
    def budget_s(self) -> float | None:
        """The time limit of all checks in seconds: a quick check has a shorter one by default."""
        return QUICK_BUDGET_S if self.quick and self.budget == DEFAULT_BUDGET_S else self.budget


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(KeptOptions):
    """The load of a measurement, and where the server's own figures come from."""

    workload: str | None = option(
        "the workload (`wsproof list workloads`; default: chat, or the only one); for bench also a mix: chat:8,echo:2",
        metavar="NAME",
        group=_LOAD,
    )
    subscribers: int = option("connections (default {default})", 100, parse=positive, metavar="N", group=_LOAD)
    publishers: int = option(
        "publishers among the connections (default {default})", 1, parse=positive, metavar="N", group=_LOAD
    )
    rate: float = option(
        "publications per second, all publishers together (default {default})",
        20.0,
        parse=positive_number,
        metavar="HZ",
        group=_LOAD,
    )
    duration: float = option(
        "length of the measured window (default {default}s)", 10.0, parse=seconds, metavar="S", group=_LOAD
    )
    warmup: float = option(
        "time of load before the window, not measured (default {default}s)",
        2.0,
        parse=seconds_or_none,
        metavar="S",
        group=_LOAD,
    )
    payload: Sizes = option(
        "bytes of a message, at least 51: {default}, 64-1024, or 120:9,4096:1 (weights); JSON around it is not counted",
        "120",
        parse=sizes,
        metavar="B",
        group=_LOAD,
    )
    format: str | None = option(
        "text, json or binary, if the workload offers a choice (--set NAME.format=F)", metavar="F", group=_LOAD
    )
    rooms: int | None = option(
        "distribute subscribers over N rooms, if the workload has rooms (NAME.rooms=N)",
        parse=positive,
        metavar="N",
        group=_LOAD,
    )
    connect_rate: float | None = option(
        "maximum number of new connections per second", parse=positive_number, metavar="HZ", group=_LOAD
    )
    deflate: bool = option("offer permessage-deflate", False, group=_LOAD)
    steps: int = option(
        "let subscribers join in this many steps over the window (default {default})",
        1,
        parse=positive,
        metavar="COUNT",
        group=_LOAD,
    )
    arrivals: Arrivals = option(
        "spacing of publications: constant, poisson, burst:SIZE, ramp:FROM-TO (per second), trace:FILE (seconds)",
        "constant",
        parse=arrivals,
        metavar="PATTERN",
        group=_LOAD,
    )
    closed: bool = option(
        "closed loop: publish when the previous message has come back; measures throughput, not latency",
        False,
        group=_LOAD,
    )
    in_flight: int | None = option(
        "with --closed: messages in flight per publisher (default 1)", parse=positive, metavar="N", group=_LOAD
    )
    processes: int | None = option(
        "load generator processes (default: one per 250 subscribers, within the cores that the server leaves)",
        parse=positive,
        metavar="N",
        group=_LOAD,
    )
    pin: bool = option(
        "let the load generator and the server share all cores; by default they are pinned to different ones",
        True,
        flags=("--no-pin",),
        group=_LOAD,
    )
    loop: str = option(
        "event loop of the load generator: auto (uvloop if installed; default) or asyncio, which needs more CPU",
        "auto",
        choices=("auto", "asyncio"),
        group=_LOAD,
    )
    seed: int = option("seed of the schedule (default {default})", 0, parse=int, metavar="N", group=_LOAD)
    metrics_url: str | None = option(
        "http(s) URL of Prometheus metrics process_*, read once a second; redirects are not followed",
        metavar="URL",
        group=_METERING,
    )
    metrics_token: str | None = option(
        "a bearer token for that URL, redacted; --token and --header are not sent to it, --ca and --insecure apply",
        metavar="TOKEN",
        group=_METERING,
        secret=True,
    )


@dataclass(frozen=True, kw_only=True)
class BenchOptions(MeasureOptions, TrustOptions):
    """A measurement and its objectives."""

    slo: tuple[str, ...] = option("an objective, e.g. 'p99(latency) < 100ms'", repeats=True, metavar="EXPR")
    faults: FaultLoad | None = option(
        "faulty clients in every other window: stalled=5,silent=3,slow-handshake=10,reset=1/s,churn=10/s,garbage=1/s",
        parse=faults,
        metavar="KIND=N,...",
        group=_FAULTS,
    )
    reconnect_storm: bool = option(
        "afterwards: drop all clients at once, and see how long until all are served again, with and without jitter",
        False,
        group=_FAULTS,
    )


@dataclass(frozen=True, kw_only=True)
class CapacityOptions(MeasureOptions):
    """A search for the highest level of load at which all objectives are met."""

    slo: tuple[str, ...] = option(
        "an objective, e.g. 'p99(latency) < 100ms'; a level must meet all of them",
        repeats=True,
        required=True,
        metavar="EXPR",
        group=_SEARCH,
    )
    over: str = option(
        "the load to raise (default {default})", "subscribers", choices=("subscribers", "rate", "rooms"), group=_SEARCH
    )
    lowest: float | None = option(
        "the lowest level (default 10 subscribers, 1 publication per second, or 1 room)",
        flags=("--from",),
        parse=positive_number,
        metavar="N",
        group=_SEARCH,
    )
    highest: float | None = option(
        "the highest level (default 10,000 subscribers, 100,000 per second, or 1,000 rooms; at most what fits here)",
        flags=("--to",),
        parse=positive_number,
        metavar="N",
        group=_SEARCH,
    )
    resolution: float = option(
        "end when the interval of the knee is this narrow, as a share of the knee (default {default})",
        0.4,
        parse=positive_number,
        metavar="SHARE",
        group=_SEARCH,
    )
    max_runs: int = option(
        "maximum number of runs (default {default})",
        40,
        flags=("--max-runs", "--trials"),
        parse=positive,
        metavar="N",
        group=_SEARCH,
    )
    duration: float = with_default(MeasureOptions, "duration", 4.0)
    warmup: float = with_default(MeasureOptions, "warmup", 1.0)


@dataclass(frozen=True, kw_only=True)
class LoadOptions(TrustOptions):
    """A load of Locust users. `locust_arguments` are handed to Locust as they are."""

    users: int = option("Locust users (default {default})", 100, parse=positive, metavar="N")
    scenario: tuple[str, ...] = option("run only this user class (repeatable)", repeats=True, metavar="NAME")
    duration: float = option("length of a --headless run (default {default}s)", 20.0, parse=seconds, metavar="S")
    locust_arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunOptions(BenchOptions, CheckOptions):
    """All checks, a measurement and a load. Without a `budget` the checks end 46 s after the start of the command."""

    seed: int = with_default(CheckOptions, "seed", 0)
    users: int = option("Locust users (default {default})", 100, parse=positive, metavar="N")
    budget: float | None = with_default(
        CheckOptions,
        "budget",
        None,
        "time limit for all checks (default: 46s from the start of the command; none: no limit)",
    )


@dataclass(frozen=True, kw_only=True)
class PytestOptions(BenchOptions, CheckOptions):
    """The options of the pytest plugin: those of `wsproof check`, and those of `wsproof bench` for fan-out benchmarks.

    IN_PYTEST names those that pytest offers, each with the prefix `--ws-`.
    """

    seed: int = with_default(CheckOptions, "seed", 0)


IN_PYTEST = (
    *options_in(TargetOptions),
    *("metrics_url", "metrics_token"),
    *("seed", "examples", "budget", "sample", "login", "strict"),
    *("slo", "strict_trust"),
)
"""Options of the pytest plugin by field name."""


@dataclass(frozen=True, kw_only=True)
class LocustOptions(TargetOptions):
    """The options of Locust users (`--ws-rate`). An option that is not given has the value of the user class."""

    rate: float | None = option(
        "publications per second of all users of a class together (default: its room_rate_hz)",
        parse=positive_number,
        metavar="HZ",
    )
    payload: int | None = option(
        "bytes of a message, at least 51 (default: payload_bytes of the class)", parse=positive, metavar="B"
    )
    rooms: int | None = option(
        "distribute users over N rooms, if a workload has rooms (NAME.rooms=N)", parse=positive, metavar="N"
    )
    speakers: int | None = option("number of users of a class that publish (default: all)", parse=positive, metavar="N")
    slo: tuple[str, ...] = option(
        "an objective for each workload, such as 'p99(latency) < 100ms'; it decides the exit code",
        repeats=True,
        metavar="EXPR",
    )
    strict: bool = option(
        "count non-strict findings as violations, e.g. members that receive messages in different orders", False
    )
    strict_trust: bool = option("any void figure ends Locust with exit code 3", False)
    record: Path | None = option(
        "folder for the record of each test (default: reports/ in a checkout of wsproof, .wsproof/ elsewhere)",
        parse=Path,
        metavar="DIR",
    )


IN_LOCUST = tuple(name for name in options_in(LocustOptions) if name not in ("target", "path"))
"""Options of Locust by field name. Its target is `--host`."""
IN_LOCUSTS_FORM = ("rate", "payload", "rooms", "speakers")
"""Options in the form of Locust's web UI that starts a test."""


COMPARED_PUBLISHERS = 20
"""Members that publish in a comparison. With fewer `--subscribers`, all of them publish."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(MeasureOptions):
    """Two git refs or two stored runs, and how they are measured in turn.

    Unless `apart`, both builds run at the same time and are loaded in short windows in turn. The load has many
    publications, because a window is short. Many members publish, because some servers limit each client's rate.
    """

    base: str = option("a git ref, or a stored run", metavar="BASE", positional=True, required=True)
    candidate: str = option("a git ref, or a stored run", metavar="CANDIDATE", positional=True, required=True)
    quick: bool = option("two minutes at most instead of ten; detects only larger changes", False)
    lives: int | None = option(
        "how often fresh servers of both builds are started (default 14, with --quick 8; a regression needs 8)",
        parse=positive,
        metavar="N",
    )
    until: float | None = option(
        "end once the interval of every judged metric is within this share to either side, e.g. 2%%",
        parse=percent,
        metavar="P",
    )
    budget: float | None = option(
        "time for all of these starts together (default 600s, with --quick 120s)", parse=seconds, metavar="S"
    )
    setup: str | None = option(
        "shell command that prepares each build in its worktree; the server uses .venv if the command makes it",
        metavar="CMD",
    )
    apart: bool = option(
        "never run both builds at once; measure blocks of --duration in turn (for fixed ports or little memory)", False
    )
    pairs: int = option(
        "with --apart: number of base/candidate pairs (default {default})", 10, parse=positive, metavar="N"
    )
    exact_base: bool = option("compare with BASE itself, not with the merge base of BASE and CANDIDATE", False)
    seed: int = option("seed of the order and of the schedule (default {default})", 0, parse=int, metavar="N")
    subscribers: int = with_default(MeasureOptions, "subscribers", 50)
    publishers: int = with_default(MeasureOptions, "publishers", COMPARED_PUBLISHERS)
    rate: float = with_default(MeasureOptions, "rate", 400.0)
    duration: float = with_default(MeasureOptions, "duration", 4.0)
    warmup: float = with_default(MeasureOptions, "warmup", 1.0)


@dataclass(frozen=True, kw_only=True)
class BisectOptions(CompareOptions):
    """A good commit and a later bad one, and how each commit between them is compared with the good one."""

    base: str = option("the last commit that is known to be good", metavar="GOOD", positional=True, required=True)
    candidate: str = option("a later commit that is worse", metavar="BAD", positional=True, required=True)
    fresh: bool = option("do not use comparisons that an earlier search has stored", False)
    exact_base: bool = with_default(
        CompareOptions, "exact_base", False, "no effect here: every commit is compared with the same good one"
    )


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(TargetOptions):
    """A finding to repeat. Its recorded target is used, unless an option says otherwise."""

    finding: Path = option(
        "a file in the findings/ folder of a run", metavar="FINDING.json", parse=Path, positional=True, required=True
    )
    login: tuple[str | bytes, ...] = with_default(CheckOptions, "login", None)
    disturb: str | None = with_default(CheckOptions, "disturb", None)
    revoke: str | None = with_default(CheckOptions, "revoke", None)


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(TargetOptions):
    """A target to report on, besides this machine."""


@dataclass(frozen=True, kw_only=True)
class InitOptions(TargetOptions):
    """A target to look at, and how the files of its project are written."""

    dry_run: bool = option("print the files and write nothing", False)
    yes: bool = option("overwrite files without asking", False)


@dataclass(frozen=True, kw_only=True)
class ServeOptions(TargetOptions):
    """A target to start and to leave running."""

    port: int | None = option("the port to listen on (default: a free one)", parse=positive, metavar="N")
