"""What does it cost to open a connection, and to hold it? The engine against other clients.

    python -m benchmarks.connecting [--blocks 9] [--connections 5000] [--clients wsproof websockets]
    python -m benchmarks.connecting --blocks 1 --json figures.jsonl      (any number of times)
    python -m benchmarks.connecting --table figures.jsonl

Each client has one turn per block, in a fresh process on its own core, with 16 handshakes in flight. The server is
small, and does its handshakes in Python, one after the other. The figures are handshakes per second of the client's
CPU, and the growth of its memory (PSS) with all connections open and idle. The engine audits each response. The client
in C (`opening.c`) checks the status only, and keeps nothing but the socket. picows and npm's ws take part if
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
    """Measure one client against a fresh server. Returns the figures that the client prints."""
    with child("quick_server", "echo", connections, core=0) as server:
        port = server.read_line()
        with child("connecting.clients", name, port, connections, core=1) as client:
            return {"connections": connections, **client.read_json()}


def table(rows: Sequence[figures.Row]) -> str:
    """The table, with one line per client, in the order of CLIENTS."""
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
