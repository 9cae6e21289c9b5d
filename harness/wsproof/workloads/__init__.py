"""Ways of speaking to a server: one file each. `load_channels` turns `--channels` and `--set` into workloads."""

from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.opening import opening_of
from wsproof.workloads.registry import CHANNELS, WORKLOADS, load_channels
from wsproof.workloads.settings import environment_of, parse_settings, wire_path_of
from wsproof.workloads.unknown_names import WorkloadWarning, warn_of_oddities

Word, Reading = MessageKind, Parsed
"""The older names, which channel files may still use."""

__all__ = [
    "CHANNELS",
    "WORKLOADS",
    "MessageKind",
    "Parsed",
    "Reading",
    "Word",
    "Workload",
    "WorkloadWarning",
    "environment_of",
    "load_channels",
    "opening_of",
    "parse_settings",
    "warn_of_oddities",
    "wire_path_of",
]
