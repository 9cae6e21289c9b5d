"""The results as tables, one for each mode of sending and number of connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.figures import Row, cell, markdown, ratios
from benchmarks.receiving.modes import WAYS

TITLES = ("reader", "µs of CPU per message", "messages per CPU-second", "as many as C", "as many as Locust")
BESIDES = {
    "merge_us": "joining the records, µs",
    "checks_us": "all checks, µs",
    "frames_per_read": "messages to a read",
}
"""Titles of the figures that only some readers print."""


def tables(rows: Sequence[Row]) -> str:
    """All tables, in Markdown."""
    order = list(WAYS)
    groups = sorted({(order.index(row["way"]), row["connections"]) for row in rows})
    return "\n\n".join(part for way, connections in groups for part in _group(order[way], connections, rows))


def _group(way: str, connections: int, rows: Sequence[Row]) -> Iterator[str]:
    own = [row for row in rows if (row["way"], row["connections"]) == (way, connections)]
    readers: dict[str, list[Row]] = {}
    for row in own:
        readers.setdefault(row["reader"], []).append(row)
    cheapest_first = sorted(readers, key=lambda name: median(row["cpu_us"] for row in readers[name]))
    yield f"{way}, {connections:,} connections, {len({row['block'] for row in own})} blocks:"
    yield markdown(TITLES, ([name, *_cells(name, readers)] for name in cheapest_first))
    yield "\n".join(_besides(readers))


def _cells(name: str, readers: dict[str, list[Row]]) -> Iterator[str]:
    spent = [row["cpu_us"] for row in readers[name]]
    yield cell(spent, "{:.2f}".format)
    yield cell([1e6 / us for us in spent], "{:,.0f}".format)
    for base in ("C epoll", "Locust"):
        yield cell([1 / ratio for ratio in ratios(readers[name], readers.get(base, []), "cpu_us")], "{:.2f}".format)


def _besides(readers: dict[str, list[Row]]) -> Iterator[str]:
    for name, rows in readers.items():
        for figure, words in BESIDES.items():
            values = [row[figure] for row in rows if figure in row]
            if values:
                yield f"- {name}, {words}: {cell(values, '{:.2f}'.format)}"
