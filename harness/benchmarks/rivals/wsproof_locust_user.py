"""wsproof's own users in Locust, for `benchmarks.truth`. With WSPROOF_BLOCKED, the hub is blocked half of the time.

`WSPROOF_RIVAL` is as in `locust_user.py`: `echo:10:rows.npz`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from locust import events

from benchmarks.rivals.blocked_hub import block_if_asked
from benchmarks.truth.clients import report_of_engine
from benchmarks.truth.load_shapes import plan_of
from wsproof.locust import ChannelUser
from wsproof.locust.workload_run import WorkloadRun

SHAPE, _, FILE = os.environ["WSPROOF_RIVAL"].split(":", 2)
PLAN = plan_of(SHAPE, 1.0)
runs: list[WorkloadRun] = []
quitting: Any = events.quitting


class Member(ChannelUser):
    workload_name = PLAN.workload
    room_rate_hz = PLAN.rate_hz
    fixed_count = PLAN.subscribers

    def on_start(self) -> None:
        super().on_start()
        runs.append(self.room)


def write_down(**_: Any) -> None:
    run, report = runs[0], report_of_engine(runs[0].measurement())
    # Several Locust tests may share a server, so their members have numbers of their own.
    first = run.first_publisher
    replace(report, subscriber=report.subscriber + first, publisher=report.publisher + first).save(Path(FILE))


block_if_asked()
quitting.add_listener(write_down)
