"""wsproof: prove that a real-time server is correct, fast, and no worse than it was on main.

    from wsproof import CheckOptions, check

    run = check(CheckOptions("shop.asgi:app", path="/ws"))
    print(run.verdict, run.findings)

`check`, `bench`, `capacity`, `compare` and `serve` do what the commands of the same name do. Each takes its options as
one value, prints nothing, keeps its run, and returns what it found. A fault of the server is a finding in the result;
what cannot be done raises a WsproofError.

The names below are the public API. Everything else is private and may change. Importing this package imports nothing:
a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsproof.errors import CannotTellError, TargetError, UsageError, ViolatedRun, WorkloadError, WsproofError
    from wsproof.model.arrivals import parse_arrivals
    from wsproof.model.comparison import Comparison
    from wsproof.model.contract import Audience, Contract, Feed, Order, Range, RateLimit, Resume
    from wsproof.model.envelope import Envelope, Opened, open_envelope
    from wsproof.model.finding import Finding, Level, Verdict
    from wsproof.model.measurement import Measurement
    from wsproof.model.outside_call import Command, FunctionCall
    from wsproof.model.record import RunRecord
    from wsproof.model.sizes import parse_sizes
    from wsproof.session.bench import BenchResult, bench
    from wsproof.session.capacity import capacity
    from wsproof.session.check import check
    from wsproof.session.compare import compare
    from wsproof.session.console import Console
    from wsproof.session.options import BenchOptions, CapacityOptions, CheckOptions, CompareOptions, ServeOptions
    from wsproof.session.serve import serve
    from wsproof.wire.http_request import HttpRequest
    from wsproof.workloads import Every, JoinRefused, MessageKind, Parsed, Send, Wait, Workload, json_with

__version__ = "0.1.0"

__all__ = [
    "Audience",
    "BenchOptions",
    "BenchResult",
    "CannotTellError",
    "CapacityOptions",
    "CheckOptions",
    "Command",
    "CompareOptions",
    "Comparison",
    "Console",
    "Contract",
    "Envelope",
    "Every",
    "Feed",
    "Finding",
    "FunctionCall",
    "HttpRequest",
    "JoinRefused",
    "Level",
    "Measurement",
    "MessageKind",
    "Opened",
    "Order",
    "Parsed",
    "Range",
    "RateLimit",
    "Resume",
    "RunRecord",
    "Send",
    "ServeOptions",
    "TargetError",
    "UsageError",
    "Verdict",
    "ViolatedRun",
    "Wait",
    "Workload",
    "WorkloadError",
    "WsproofError",
    "__version__",
    "bench",
    "capacity",
    "check",
    "compare",
    "json_with",
    "open_envelope",
    "parse_arrivals",
    "parse_sizes",
    "serve",
]

_MODULES = {
    "wsproof.errors": ("CannotTellError", "TargetError", "UsageError", "ViolatedRun", "WorkloadError", "WsproofError"),
    "wsproof.model.arrivals": ("parse_arrivals",),
    "wsproof.model.comparison": ("Comparison",),
    "wsproof.model.contract": ("Audience", "Contract", "Feed", "Order", "Range", "RateLimit", "Resume"),
    "wsproof.model.envelope": ("Envelope", "Opened", "open_envelope"),
    "wsproof.model.finding": ("Finding", "Level", "Verdict"),
    "wsproof.model.measurement": ("Measurement",),
    "wsproof.model.record": ("RunRecord",),
    "wsproof.model.sizes": ("parse_sizes",),
    "wsproof.session.bench": ("BenchResult", "bench"),
    "wsproof.session.capacity": ("capacity",),
    "wsproof.session.check": ("check",),
    "wsproof.session.compare": ("compare",),
    "wsproof.session.console": ("Console",),
    "wsproof.session.options": ("BenchOptions", "CapacityOptions", "CheckOptions", "CompareOptions", "ServeOptions"),
    "wsproof.session.serve": ("serve",),
    "wsproof.wire.http_request": ("HttpRequest",),
    "wsproof.model.outside_call": ("Command", "FunctionCall"),
    "wsproof.workloads": ("Every", "JoinRefused", "MessageKind", "Parsed", "Send", "Wait", "Workload", "json_with"),
}
"""The module that defines each public name."""
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
