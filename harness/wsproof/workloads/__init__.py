"""Ways of speaking to a server: one file each. `load_channels` turns `--channels` and `--set` into workloads."""

from wsproof.workloads.base import Reading, Word, Workload
from wsproof.workloads.channels import CHANNELS, WORKLOADS, load_channels
from wsproof.workloads.oddities import WorkloadWarning, warn_of_oddities
from wsproof.workloads.opening import opening_of
from wsproof.workloads.settings import environment_of, parse_settings, wire_path_of

__all__ = [
    "CHANNELS",
    "WORKLOADS",
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
