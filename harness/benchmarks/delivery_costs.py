"""CPU cost of a delivery after the kernel has passed it on: `python -m benchmarks.delivery_costs [--blocks 5]`.

Frames go directly to the connections of a room, one per read and without sockets. Then follow the writing of the
columns, the merge of the record, every check, and the percentiles. The table has the CPU time per delivery of each
item, in us: median, minimum and maximum over the blocks. `benchmarks.receiving` has the cost of kernel and event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from wsproof import Envelope, Measurement
from wsproof.checks import CHECKS
from wsproof.load.files.history import save_history
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.state import WorkerState
from wsproof.model.envelope import body_of
from wsproof.model.history import History
from wsproof.model.plan import Phase, Plan
from wsproof.net.clock import now_ns
from wsproof.stats.metrics import METRICS, Observed, summaries
from wsproof.stats.trust import judge_trust
from wsproof.wire import Opcode, Request
from wsproof.wire.frames import Frame
from wsproof.workloads import load_channels

MESSAGE_BYTES = 120
T = TypeVar("T")


class Bill:
    """CPU time in seconds, by item."""

    def __init__(self) -> None:
        self.items: dict[str, float] = {}

    def of(self, item: str, work: Callable[[], T]) -> T:
        """Do the work, record its CPU time, and return its result."""
        began = time.process_time()
        result = work()
        self.items[item] = time.process_time() - began
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=5, help="how often it is done (5)")
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--publications", type=int, default=3000)
    asked = parser.parse_args()
    bills = [bill_of(asked.subscribers, asked.publications) for _ in range(asked.blocks)]
    count = asked.subscribers * asked.publications
    sys.stdout.write(f"{count:,} deliveries ({asked.subscribers} subscribers), us of CPU per delivery\n\n")
    sys.stdout.write("| item | median | least | most |\n| --- | ---: | ---: | ---: |\n")
    for item in bills[0]:
        costs = [1e6 * bill[item] / count for bill in bills]
        sys.stdout.write(f"| {item} | {median(costs):.3f} | {min(costs):.3f} | {max(costs):.3f} |\n")


def bill_of(subscribers: int, publications: int) -> dict[str, float]:
    """Measure every item once. Returns the CPU seconds by item."""
    bill = Bill()
    with tempfile.TemporaryDirectory(prefix="wsproof-costs-") as folder:
        history, measurement = recorded(Path(folder), subscribers, publications, bill)
        bill.of("saving the columns for later", lambda: save_history(history, Path(folder)))
        found = [
            finding
            for each in CHECKS
            for finding in bill.of(f"check: {each.name}", lambda each=each: each.run(history, measurement.contract))  # type: ignore[misc]
        ]
        if found:
            sys.exit(f"the checks accuse nobody: {found[0].explanation}")
        bill.items["all checks"] = sum(cost for item, cost in bill.items.items() if item.startswith("check: "))
        observed = Observed(measurement)
        bill.of("join of receipts and publications", lambda: observed.deliveries)
        bill.of("expected deliveries", lambda: observed.fanout)
        bill.of("samples of all metrics", lambda: [metric.compute(observed) for metric in METRICS])
        bill.of("all metrics with percentiles, joins included", lambda: summaries(measurement))
        bill.of("can it be trusted?", lambda: judge_trust(measurement))
    return bill.items


def recorded(folder: Path, subscribers: int, publications: int, bill: Bill) -> tuple[History, Measurement]:
    """Record a history as a worker does, and merge it."""
    workload = load_channels("tutorial", {})["chat"]
    recorder = WorkerRecorder(folder, 0, workload)
    start_ns = now_ns()
    connections = open_connections(WorkerState(recorder), subscribers)
    frames = []
    for number in range(publications):
        words = "Client #1 says: "
        text = words + Envelope(0, number, start_ns + number).seal(body_of(MESSAGE_BYTES - len(words)))
        frames.append(Frame(Opcode.TEXT, text.encode()).encode())
        recorder.published(0, number, start_ns + number, start_ns + number, Phase.MEASURED)

    def receive() -> None:
        for frame in frames:
            for connection in connections:
                # Copy the frame, as a socket read does. Otherwise the second look-up would reuse the cached hash.
                at_ns = now_ns()
                connection.received(bytes(memoryview(frame)), at_ns, at_ns)

    def copy() -> None:
        for frame in frames:
            for _ in connections:
                bytes(memoryview(frame))

    gc.collect()
    gc.disable()
    bill.of("reading and recording, a frame to a read", receive)
    copying = Bill()
    copying.of("copy", copy)
    bill.items["reading and recording, a frame to a read"] -= copying.items["copy"]
    bill.of("writing the columns", recorder.settle)
    gc.enable()
    recorder.close()
    end_ns = now_ns()
    history = bill.of(
        "joining the record of the workers",
        lambda: merge(
            Records(folder, 1), workload, subscribers, start_ns=start_ns, end_ns=end_ns, drained_ns=end_ns + 1
        ),
    )
    return history, Measurement(Plan("chat", subscribers), workload.contract, history)


def open_connections(room: WorkerState, count: int) -> list[Connection]:
    """Connections after their handshake, without sockets."""
    loop = asyncio.new_event_loop()
    connections = []
    for member in range(count):
        request = Request(host="localhost", path="/", key="d3Nwcm9vZiBiZW5jaG1hcms=")
        connection = Connection(member, request, room, loop.create_future())
        connection.opened = connection.reader.peer = None
        connection.is_in = True
        room.recorder.opened(member, 1, now_ns())
        connections.append(connection)
    loop.close()
    return connections


if __name__ == "__main__":
    main()
