"""Test suite for message delivery: what each workload's contract promises, checked on a running server.

`run_suite` tests all properties of a set of workloads. `replay` repeats one finding. To run the suite as pytest tests:
`pytest --pyargs wsproof.delivery --ws-target TARGET --ws-channels tutorial`.
"""

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
