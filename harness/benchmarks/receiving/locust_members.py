"""The reader of wsproof's own users in Locust, with all that a test does while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from time import monotonic_ns

Cost = dict[str, float]


def run(port: int, connections: int, frames: int, ready: Callable[[], float]) -> Cost:
    """Read with a `WorkloadRun`: receipts, outstanding deliveries, Locust's tables, live checks, its own lag."""
    import gevent
    from locust.env import Environment

    from wsproof.locust.connection import GeventConnection
    from wsproof.locust.workload_run import WorkloadRun
    from wsproof.model.history import Departure, Kind, Outcome
    from wsproof.net.endpoint import Endpoint
    from wsproof.workloads.chat import Chat

    endpoint = Endpoint("127.0.0.1", port)
    environment = Environment(user_classes=[])
    room = WorkloadRun(environment, Chat(), endpoint, rate_hz=0.001, payload_bytes=120)
    if room.publisher.pacer is not None:
        room.publisher.pacer.stop()  # the sender has its own schedule
    for member in range(connections):
        line = GeventConnection(room.join(), endpoint, room.receiver, seed=member)
        line.open()
        room.connected(line, 0)
        room.members.came_in(member, monotonic_ns())
    room.ramp.all_spawned(connections)
    for number in range(frames // connections):
        now_ns = monotonic_ns()
        room.members.sent_ns[0].append(now_ns)
        room.recorder.published(0, number, 1, now_ns, room.ramp.phase, Outcome.OK)
        room.pending.expect((Kind.DELIVERY, 0, number), room.members.audience(0))
    began = ready()
    while environment.stats.total.num_requests < frames and room.members.lines:
        gevent.sleep(0.05)
    cost = {"frames": float(environment.stats.total.num_requests), "cpu_s": time.process_time() - began}
    for member in range(connections):
        line = room.members.lines[member]
        room.left(member, Departure.CLOSED)
        line.abort()
    room.close()
    return cost
