"""Test suite for message delivery: what each workload's contract promises, checked on a running server.

`run_suite` tests all properties of a set of workloads. `replay` repeats one finding. To run the suite as pytest tests:
`pytest --pyargs wsproof.delivery --ws-target TARGET --ws-channels tutorial`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsproof.delivery.catalogue import CHANNEL_CHECKS, ChannelCheck, properties_of
    from wsproof.delivery.delivery_property import DeliveryProperty
    from wsproof.delivery.properties import PROPERTIES
    from wsproof.delivery.suite import check_property, planned, replay, run_suite

__all__ = [
    "CHANNEL_CHECKS",
    "PROPERTIES",
    "ChannelCheck",
    "DeliveryProperty",
    "check_property",
    "planned",
    "properties_of",
    "replay",
    "run_suite",
]

_MODULES = {
    "wsproof.delivery.catalogue": ("CHANNEL_CHECKS", "ChannelCheck", "properties_of"),
    "wsproof.delivery.delivery_property": ("DeliveryProperty",),
    "wsproof.delivery.properties": ("PROPERTIES",),
    "wsproof.delivery.suite": ("check_property", "planned", "replay", "run_suite"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Importing Hypothesis is slow, and the client pool, which the fixture `ws_room` uses, does not need it.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
