"""Options that several verbs share, each group added by one function."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wsproof.net.budget import DEFAULT_BUDGET_S

if TYPE_CHECKING:
    from wsproof.model.arrivals import Arrivals
    from wsproof.model.sizes import Sizes

LENGTH_OF_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|)")
SECONDS_IN = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}


def add_target(parser: argparse.ArgumentParser, *, positional: bool = True) -> None:
    """Add TARGET and the options for starting or reaching it."""
    if positional:
        parser.add_argument(
            "target",
            nargs="?",
            metavar="TARGET",
            help="ws:// URL, pkg.module:app, cmd:...; nothing: the reference server",
        )
    group = parser.add_argument_group("target")
    add = group.add_argument
    add("--server", default="auto", metavar="NAME", help="the server that runs an app (`wsproof list servers`)")
    add("--path", metavar="PATH", help="the WebSocket path to speak to at the wire level")
    add("--ready", metavar="URL", help="with cmd: targets: where it answers once it is up; {port} is filled in")
    add("--env", action="append", default=[], metavar="K=V", help="environment of the server that is started")
    add("--header", action="append", default=[], metavar="'N: V'", help="a header for every handshake")
    add("--subprotocol", action="append", default=[], metavar="NAME", help="a subprotocol to offer")
    add("--origin", metavar="ORIGIN", help="the Origin header to send")
    add("--token", metavar="TOKEN", help="a bearer token; redacted in everything that is written")
    add("--ca", metavar="FILE", help="certificates to trust for wss://")
    add("--unix", metavar="PATH", help="connect to a ws:// target through this Unix socket")
    add("--insecure", action="store_true", help="do not verify certificates")
    add("--remote", action="store_true", help="allow a target that is not on loopback")
    add(
        *("--known-deviations", "--accepted"),
        type=Path,
        metavar="FILE",
        help="known deviations of this server with their reasons: they are shown, and do not count",
    )
    add(
        "--server-hint",
        metavar="NAME",
        help="the server library that the target runs on, where wsproof does not start it: its deviations are known",
    )


def add_channels(parser: argparse.ArgumentParser) -> None:
    """Add the options of the channels and their settings."""
    parser.add_argument("--channels", metavar="C", help="tutorial, reference, or pkg.module of your own workloads")
    parser.add_argument(
        "--set", action="append", default=[], metavar="K=V", dest="settings", help="e.g. --set dashboard.period=0.1"
    )


def add_suite(parser: argparse.ArgumentParser) -> None:
    """Add the options of the checks: filter, seed, number of examples, budget, messages and strictness."""
    group = parser.add_argument_group("checks")
    add = group.add_argument
    add("--only", action="append", default=[], metavar="5.5", help="only checks whose section or name begins so")
    add("--seed", type=int, default=0, metavar="N", help="seed of all generated traffic (default 0)")
    add("--examples", type=positive, default=None, metavar="N", help="generated examples per property")
    add(
        "--budget",
        type=budget,
        default=DEFAULT_BUDGET_S,
        metavar="S",
        help=f"time limit of all checks, the server's start included (default {DEFAULT_BUDGET_S:g}s; none: no limit)",
    )
    add(
        "--sample",
        "--valid-message",
        dest="sample",
        type=message,
        metavar="TEXT",
        help="a text message that the endpoint accepts (hex:00ff is a binary one): the checks send no other",
    )
    add_login(add)
    add("--strict", action="store_true", help="non-strict findings count, too")


def add_known(parser: argparse.ArgumentParser) -> None:
    """Add the options that show known deviations, or write the other findings as a file of known deviations."""
    add = parser.add_argument
    add("--all", action="store_true", help="show known deviations of server libraries one by one")
    add(
        "--write-accepted",
        type=Path,
        metavar="FILE",
        help="write the findings that count as a file of known deviations, with the reasons to fill in",
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add `--strict-trust`, which demands that every figure is valid."""
    parser.add_argument(
        "--strict-trust", action="store_true", help="exit 3 where any figure is void, asked for by --slo or not"
    )


def add_login(add: Callable[..., object]) -> None:
    """Add the option for messages that log in to the endpoint."""
    add(
        "--login",
        action="append",
        default=[],
        type=message,
        metavar="TEXT",
        help="a message to send first on every connection, to log in; repeatable, redacted",
    )


def message(text: str) -> str | bytes:
    """Parse a message: text as it is, or binary as `hex:00ff`.

    The prefix `text:` escapes a text that itself begins with `hex:` or `text:`.
    """
    kind, colon, content = text.partition(":")
    if colon and kind == "text":
        return content
    if not colon or kind != "hex":
        return text
    try:
        return bytes.fromhex(content)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected hexadecimal digits behind hex:, got {content!r}. For a text that begins so, write text:{text}"
        ) from error


def add_metering(parser: argparse.ArgumentParser) -> None:
    """Add the options for the Prometheus endpoint of a server that runs elsewhere."""
    group = parser.add_argument_group(
        "metering", "A server that was started here is looked at from outside. One that runs elsewhere may say itself:"
    )
    add = group.add_argument
    add(
        "--metrics-url",
        metavar="URL",
        help="http(s) address of Prometheus text with process_* figures, asked once a second; no redirects",
    )
    add(
        "--metrics-token",
        metavar="TOKEN",
        help="a bearer token for it, redacted; --token and --header never go there (--ca and --insecure do)",
    )


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the options of the load: its size, rate, duration and shape."""
    group = parser.add_argument_group("load")
    add = group.add_argument
    add(
        "--workload",
        metavar="NAME",
        help="what is said (`wsproof list workloads`; default: chat, or the only one); bench: chat:8,echo:2 for a mix",
    )
    add("--subscribers", type=positive, default=100, metavar="N", help="connections (default 100)")
    add("--publishers", type=positive, default=1, metavar="N", help="how many of them publish (default 1)")
    add("--rate", type=positive_number, default=20.0, metavar="HZ", help="publications per second in all (default 20)")
    add("--duration", type=seconds, default=10.0, metavar="S", help="length of the measured window (default 10s)")
    add("--warmup", type=seconds_or_none, default=2.0, metavar="S", help="load before it, not measured (default 2s)")
    add(
        "--payload",
        type=sizes,
        default="120",
        metavar="B",
        help="bytes of a message (51 at least): 120, 64-1024, or 120:9,4096:1; a workload may wrap it in JSON",
    )
    add("--format", metavar="F", help="messages are text, json or binary, where the workload can (--set NAME.format=F)")
    add("--rooms", type=positive, metavar="N", help="deal subscribers out to N rooms, where there are (NAME.rooms=N)")
    add("--connect-rate", type=positive_number, metavar="HZ", help="at most so many new connections per second")
    add("--deflate", action="store_true", help="offer permessage-deflate")
    add("--steps", type=positive, default=1, metavar="N", help="subscribers join in so many steps over the window (1)")
    add(
        "--arrivals",
        type=arrivals,
        default="constant",
        metavar="HOW",
        help="how they are spaced: constant, poisson, burst:SIZE, ramp:FROM-TO (per second), trace:FILE (seconds)",
    )
    add(
        "--closed", action="store_true", help="closed loop: publish when the one before is back; throughput, no latency"
    )
    add("--in-flight", type=positive, metavar="N", help="with --closed: so many at once per publisher (1)")
    add(
        "--processes",
        type=positive,
        metavar="N",
        help="processes that generate load (default: one per 250 subscribers, within the cores the server leaves)",
    )
    add(
        "--no-pin",
        dest="pin",
        action="store_false",
        help="let the engine share all cores with a server that is started here, instead of keeping some for itself",
    )
    add(
        "--loop",
        choices=("auto", "asyncio"),
        default="auto",
        help="event loop of the engine: auto (uvloop where it is installed; default) or asyncio, which costs more CPU",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add the option for the directory of runs."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="keep runs there (default reports/ in this checkout, .wsproof/ elsewhere)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option for a JSON copy of the result."""
    parser.add_argument("--json", type=Path, metavar="F", help="write the result as JSON, too (- for standard output)")


def add_markdown(parser: argparse.ArgumentParser) -> None:
    """Add the option for a Markdown copy, for a comment on a pull request."""
    parser.add_argument("--markdown", type=Path, metavar="F", help="write it as Markdown, too: for a comment or a page")


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def positive_number(text: str) -> float:
    """Parse a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def arrivals(text: str) -> Arrivals:
    """Parse the arrival pattern of publications. The file of a trace is read here."""
    from wsproof.model.arrivals import parse_arrivals, parse_trace  # imports numpy, which --help does not need

    kind, _, name = text.partition(":")
    try:
        if kind != "trace":
            return parse_arrivals(text)
        with open(name, encoding="utf-8") as file:
            return parse_trace(file, name)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read the trace {name}: {error.strerror}") from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}" if kind == "trace" else str(error)) from error


def sizes(text: str) -> Sizes:
    """Parse the size or size distribution of messages."""
    from wsproof.model.sizes import parse_sizes  # imports numpy, as above

    try:
        return parse_sizes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seconds(text: str) -> float:
    """Parse a duration into seconds: 10, 10s, 500ms or 2m."""
    found = LENGTH_OF_TIME.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a length of time such as 10s, 500ms or 2m, got {text!r}")
    return positive_number(found[1]) * SECONDS_IN[found[2]]


def budget(text: str) -> float:
    """Parse a duration, or `none`, which is infinite."""
    return math.inf if text == "none" else seconds(text)


def seconds_or_none(text: str) -> float:
    """Parse a duration that may be 0."""
    return 0.0 if text in ("0", "0s") else seconds(text)
