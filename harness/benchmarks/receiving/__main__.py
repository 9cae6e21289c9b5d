"""What does it cost to receive a message? The engine against a C reader, other clients, and Locust's usual way.

    python -m benchmarks.receiving [--blocks 9] [--connections 100 1000] [--ways single] [--readers wsproof websockets]
    python -m benchmarks.receiving --blocks 1 --json figures.jsonl      (any number of times)
    python -m benchmarks.receiving --table figures.jsonl

There are two kinds of sending. *single* sends 20,000 messages a second of 120 bytes, about one per read, as a broadcast
arrives. *batched* puts 64 messages into each send, as fast as the reader takes them. Their lengths are equal (120
bytes) or mixed (70 to 500 bytes, 130 on average). Each reader has one turn per block, in a fresh process. The figure is
the CPU time of the reader, because other processes disturb it less than the elapsed time. The engine records every
receipt (member, message, time), verifies each distinct message, and writes everything to disk. picows and npm's ws take
part if `rivals/installed.py` finds them.
"""

from __future__ import annotations

import argparse
import resource
import sys
from itertools import product

from benchmarks import figures
from benchmarks.alternate import alternate
from benchmarks.child import child
from benchmarks.progress_line import say
from benchmarks.receiving.modes import WAYS
from benchmarks.receiving.readers import READERS
from benchmarks.receiving.tables import tables
from benchmarks.rivals.installed import installed


def main() -> None:
    asked = arguments()
    if asked.table:
        say(tables(figures.rows_of(asked.table)))
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows: list[figures.Row] = []
    measured = [*product(asked.ways, asked.connections, asked.readers)]
    for block, (way, connections, reader) in alternate(measured, asked.blocks):
        cost = measure(reader, way, connections)
        rows.append({"block": block, "way": way, "connections": connections, "reader": reader, **cost})
        figures.append(asked.json, rows[-1])
    say(tables(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=9, help="how many times each reader takes its turn (9)")
    parser.add_argument("--connections", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--readers", nargs="+", choices=READERS, default=installed(READERS))
    figures.add_options(parser)
    return parser.parse_args()


def measure(reader: str, way: str, connections: int) -> dict[str, float]:
    """Measure one reader with a fresh sender. Returns the figures of the reader, times per message in µs."""
    rounds = WAYS[way].rounds(reader, connections)
    frames = rounds * WAYS[way].frames * connections
    with child("receiving.sender", way, connections, rounds, core=0) as sender:
        port = sender.read_line()
        with child("receiving.readers", reader, port, connections, frames, core=1) as reading:
            reading.read_line()
            sender.resume()
            cost: dict[str, float] = reading.read_json()
            sender.resume()
    if cost.pop("frames") != frames:
        sys.exit(f"{reader} has not read all of {frames:,} messages ({way}, {connections} connections)")
    per_message = {
        f"{what.removesuffix('_s')}_us": 1e6 * cost.pop(what) / frames for what in [*cost] if what[-2:] == "_s"
    }
    return per_message | cost


if __name__ == "__main__":
    main()
