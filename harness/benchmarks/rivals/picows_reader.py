"""The picows client on uvloop, which counts frames."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import uvloop

from benchmarks.rivals import installed


async def read_frames(port: int, connections: int, frames: int, ready: Any) -> dict[str, float]:
    """Connect, call `ready`, and read this many frames, as the other readers of `benchmarks.receiving` do."""
    picows = installed.picows()
    done = asyncio.Event()
    read = 0

    class Listener(picows.WSListener):  # type: ignore[name-defined, misc]
        def on_ws_frame(self, _: Any, frame: Any) -> None:
            nonlocal read
            if frame.msg_type == picows.WSMsgType.TEXT:
                read += 1
                if read == frames:
                    done.set()

    clients = [await picows.ws_connect(Listener, f"ws://127.0.0.1:{port}/") for _ in range(connections)]
    began = ready()
    await asyncio.wait_for(done.wait(), 120)
    cost = {"frames": float(read), "cpu_s": time.process_time() - began}
    for transport, _ in clients:
        transport.disconnect(False)
    return cost


def run(port: int, connections: int, frames: int, ready: Any) -> dict[str, float]:
    """Read on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(read_frames(port, connections, frames, ready))
