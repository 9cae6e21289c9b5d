"""The shipped suite for channels: whatever a workload's contract promises, held against a server that runs.

`run_suite` tests all properties of some workloads; `replay` repeats one finding. The same as pytest tests:
`pytest --pyargs wsproof.delivery --ws-target TARGET --ws-channels tutorial`.
"""

from wsproof.delivery.properties import PROPERTIES, DeliveryProperty, properties_of
from wsproof.delivery.suite import check_property, planned, replay, run_suite

__all__ = ["PROPERTIES", "DeliveryProperty", "check_property", "planned", "properties_of", "replay", "run_suite"]
