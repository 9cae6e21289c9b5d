"""What does it cost to open a connection, and to hold it? The engine against other clients.

    python -m benchmarks.connecting [--blocks 9] [--connections 5000] [--clients wsproof websockets]
    python -m benchmarks.connecting --blocks 1 --json figures.jsonl      (any number of times)
    python -m benchmarks.connecting --table figures.jsonl

Each client has its turn in every block, in a fresh process on a core of its own, against a small server (handshakes in
Python, one after the other), with 16 connections on their way at a time. Handshakes are counted per second of the
client's CPU; memory is what the process has grown by (PSS) with all connections open and idle. The engine audits each
answer; C (`opening.c`) looks at the status alone, and keeps nothing but the socket. picows and npm's ws are there where
`rivals/installed.py` finds them.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Sequence
from typing import Any

from benchmarks import figures
from benchmarks.alternate import alternate
from benchmarks.child import child
from benchmarks.connecting.clients import CLIENTS
from benchmarks.progress_line import say
from benchmarks.rivals.installed import installed

TITLES = ("client", "handshakes per CPU-second", "KiB per connection", "of wsproof")


def main() -> None:
    asked = arguments()
    if asked.table:
        say(table(figures.rows_of(asked.table)))
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows: list[figures.Row] = []
    for block, name in alternate(asked.clients, asked.blocks):
        rows.append({"block": block, "client": name, **measure(name, asked.connections)})
        figures.append(asked.json, rows[-1])
    say(table(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=9, help="how many times each client takes its turn (9)")
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=installed(CLIENTS))
    figures.add_options(parser)
    return parser.parse_args()


def measure(name: str, connections: int) -> dict[str, Any]:
    """One turn: a fresh server, a fresh client; what the client says of itself."""
    with child("quick_server", "echo", connections, core=0) as server:
        port = server.said()
        with child("connecting.clients", name, port, connections, core=1) as client:
            return {"connections": connections, **client.found()}


def table(rows: Sequence[figures.Row]) -> str:
    """Clients, the quickest first."""
    clients = {name: [row for row in rows if row["client"] == name] for name in CLIENTS}
    lines = []
    for name, own in clients.items():
        if own:
            ratios = figures.ratios(own, clients["wsproof"], "per_cpu_s")
            cells = (
                figures.cell([row["per_cpu_s"] for row in own], "{:,.0f}".format),
                figures.cell([row["kib"] for row in own], "{:.1f}".format),
                figures.cell(ratios, "{:.2f}".format),
            )
            lines.append([name, *cells])
    return figures.markdown(TITLES, lines)


if __name__ == "__main__":
    main()
