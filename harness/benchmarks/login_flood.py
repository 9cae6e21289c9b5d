"""Latency of others while logins flood the reference server, as a ratio of blocks measured in turn.

    python harness/benchmarks/login_flood.py [--blocks 8] [--seconds 3]

A process keeps as many logins in flight as the server checks or queues. Three blocks take turns: no flood, a flood of
another instance on the same machine, and a flood of this server. The figures are the median and the 90th percentile of
the round-trip time of an echo, divided by those of the quiet block, and by those of the block in which only the other
instance is flooded: what is left of the second ratio is the delay in this server, and not the use of the machine's CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from websockets.sync.client import connect

from wsproof.target.server import serve
from wsproof.target.target import parse_target

ROOT = Path(__file__).parents[2]
LOGINS_IN_FLIGHT = 50
PAUSE_S = 0.01
"""Seconds between two echoes. Without a pause, the client itself would be busy."""

FLOOD = f"""
import asyncio, json, sys, urllib.error, urllib.request

def log_in(url, number):
    body = json.dumps({{"username": f"nobody-{{number}}", "password": "x" * 50}}).encode()
    request = urllib.request.Request(url, body, {{"content-type": "application/json"}})
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except urllib.error.HTTPError:
        pass

async def keep_on(url, first):
    for number in range(first, 1_000_000_000, {LOGINS_IN_FLIGHT}):
        await asyncio.to_thread(log_in, url, number)
        await asyncio.sleep(0.05)

async def main():
    await asyncio.gather(*(keep_on(sys.argv[1], first) for first in range({LOGINS_IN_FLIGHT})))

asyncio.run(main())
"""


@contextmanager
def flood(address: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", FLOOD, f"http://{address}/auth/token"])
    try:
        time.sleep(1.0)  # it has begun by then
        yield
    finally:
        process.terminate()
        process.wait()


def round_trips(address: str, seconds: float) -> tuple[float, float]:
    """Median and 90th percentile in milliseconds."""
    took = []
    with connect(f"ws://{address}/ws", compression=None) as client:
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            client.send("x")
            client.recv()
            took.append((time.perf_counter() - began) * 1e3)
            time.sleep(PAUSE_S)
    return median(took), quantiles(took, n=10)[8]


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    limits = {f"TARGET_APP_LOGINS_PER_MINUTE{part}": "1000000" for part in ("", "_PER_ADDRESS", "_IN_ALL")}
    command = f"cmd:'{sys.executable}' -m target_app --port {{port}}"
    target = parse_target(command, ready="http://127.0.0.1:{port}/healthz", cwd=ROOT)
    ratios: dict[str, list[float]] = {}
    with serve(target, extra_env=limits) as server, serve(target, extra_env=limits) as neighbour:
        address, elsewhere = (f"127.0.0.1:{each.endpoint.port}" for each in (server, neighbour))
        for _ in range(options.blocks):
            quiet = round_trips(address, options.seconds)
            with flood(elsewhere):
                beside = round_trips(address, options.seconds)
            with flood(address):
                flooded = round_trips(address, options.seconds)
            print(json.dumps({"quiet_ms": quiet, "elsewhere_ms": beside, "flooded_ms": flooded}), flush=True)  # noqa: T201
            for base, before in (("quiet", quiet), ("elsewhere", beside)):
                for name, of_base, of_flood in zip(("median", "p90"), before, flooded, strict=True):
                    ratios.setdefault(f"{name} / {base}", []).append(of_flood / of_base)
    print("\n".join(f"{name}: {spread(values)}" for name, values in ratios.items()))  # noqa: T201


if __name__ == "__main__":
    main()
