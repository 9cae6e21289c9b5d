"""Lateness of sends under Poisson arrivals: `python -m benchmarks.sending [--rates 20 200 1000]`.

Three kinds of timer on uvloop take turns: the loop's own timer, a timerfd, and the engine's way. The engine uses a
timerfd that fires early, and then polls the clock until the send time. Nothing else runs on the loop, so the figures
are the lateness of the timer itself and its CPU time. All three have the same schedule.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import uvloop

from benchmarks.figures import cell
from benchmarks.pinned import on_core
from benchmarks.progress_line import say
from wsproof.load.worker.pacer import SPIN_NS
from wsproof.load.worker.timer import FdTimer, LoopTimer, Timer
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns

HEAD_START_NS = NS // 10
"""Time in ns between the start of a turn and the start of its schedule."""
MakeTimer = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Timer]


@dataclass(frozen=True)
class Way:
    """A kind of timer, and the ns before the due time at which it fires."""

    name: str
    timer: MakeTimer
    early_ns: int


WAYS = (Way("loop.call_later", LoopTimer, 0), Way("timerfd", FdTimer, 0), Way("timerfd and spin", FdTimer, SPIN_NS))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rates", type=float, nargs="+", default=[20.0, 200.0, 1000.0], help="messages per second")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a turn (4)")
    parser.add_argument("--blocks", type=int, default=5, help="turns of each way (5)")
    asked = parser.parse_args()
    say("| per second | way | late p50, us | late p99, us | CPU |\n| ---: | --- | ---: | ---: | ---: |")
    for rate in asked.rates:
        found: dict[str, list[tuple[float, float, float]]] = {way.name: [] for way in WAYS}
        for block in range(asked.blocks):
            turn = block % len(WAYS)
            for way in (*WAYS[turn:], *WAYS[:turn]):
                found[way.name].append(measure(way, rate, asked.seconds, block))
        for name, blocks in found.items():
            cells = [
                cell([block[column] for block in blocks], shown) for column, shown in enumerate((whole, whole, share))
            ]
            say(f"| {rate:,.0f} | {name} | {' | '.join(cells)} |")


def measure(way: Way, rate_hz: float, seconds: float, seed: int) -> tuple[float, float, float]:
    """Measure one turn. Returns the lateness at p50 and p99 in us, and the share of a core."""
    gaps = np.random.default_rng(seed).exponential(NS / rate_hz, int(rate_hz * seconds))
    with on_core(1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        began, before = time.monotonic(), time.process_time()
        late = runner.run(follow(way, np.cumsum(gaps).astype(np.int64).tolist()))
        used = (time.process_time() - before) / (time.monotonic() - began)
    return float(np.percentile(late, 50)) / 1e3, float(np.percentile(late, 99)) / 1e3, used


async def follow(way: Way, offsets_ns: Sequence[int]) -> list[int]:
    """Wait for each time of a schedule. Returns the lateness of each in ns."""
    start_ns = now_ns() + HEAD_START_NS
    times = [start_ns + offset for offset in offsets_ns]
    late: list[int] = []
    done = asyncio.Event()

    def ring() -> None:
        while len(late) < len(times):
            due_ns = times[len(late)]
            while 0 < due_ns - now_ns() <= way.early_ns:
                pass
            if now_ns() < due_ns:
                timer.arm(due_ns - way.early_ns)
                return
            late.append(now_ns() - due_ns)
        done.set()

    timer = way.timer(asyncio.get_running_loop(), ring)
    timer.arm(times[0] - way.early_ns)
    await done.wait()
    timer.close()
    return late


def whole(us: float) -> str:
    return f"{us:,.0f}"


def share(of_core: float) -> str:
    return f"{of_core:.1%}"


if __name__ == "__main__":
    main()
