"""wsproof: prove that a real-time server is correct, fast, and no worse than it was on main.

The names below are the public API. Everything else is private and may change. Importing this package imports nothing:
a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsproof.errors import CannotTellError, TargetError, UsageError, WorkloadError, WsproofError
    from wsproof.model.contract import Audience, Contract, Feed, Order, Range
    from wsproof.model.envelope import Envelope, Opened, open_envelope
    from wsproof.model.finding import Finding, Level, Verdict
    from wsproof.model.measurement import Measurement
    from wsproof.model.record import RunRecord
    from wsproof.workloads import Every, JoinRefused, MessageKind, Parsed, Send, Wait, Workload, json_with

__version__ = "0.1.0"

__all__ = [
    "Audience",
    "CannotTellError",
    "Contract",
    "Envelope",
    "Every",
    "Feed",
    "Finding",
    "JoinRefused",
    "Level",
    "Measurement",
    "MessageKind",
    "Opened",
    "Order",
    "Parsed",
    "Range",
    "RunRecord",
    "Send",
    "TargetError",
    "UsageError",
    "Verdict",
    "Wait",
    "Workload",
    "WorkloadError",
    "WsproofError",
    "__version__",
    "json_with",
    "open_envelope",
]

_MODULES = {
    "wsproof.errors": ("CannotTellError", "TargetError", "UsageError", "WorkloadError", "WsproofError"),
    "wsproof.model.contract": ("Audience", "Contract", "Feed", "Order", "Range"),
    "wsproof.model.envelope": ("Envelope", "Opened", "open_envelope"),
    "wsproof.model.finding": ("Finding", "Level", "Verdict"),
    "wsproof.model.measurement": ("Measurement",),
    "wsproof.model.record": ("RunRecord",),
    "wsproof.workloads": (
        "Every",
        "JoinRefused",
        "MessageKind",
        "Parsed",
        "Send",
        "Wait",
        "Workload",
        "json_with",
    ),
}
"""Where each public name is defined."""
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
