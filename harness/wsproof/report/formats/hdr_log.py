"""HdrHistogram logs (format 1.3): latencies per second, for exchange with other tools.

Each line holds the histogram of one second. Lines of several files, processes or hosts can be added without loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsproof.errors import UsageError
from wsproof.model.hdr import Histogram
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.report.store.atomic import write_text
from wsproof.report.text.sanitize import clean_line
from wsproof.report.text.units import for_reader
from wsproof.stats.metrics import Observed

COLUMNS = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
"""The header line of the format."""
MS = 1e6
"""Nanoseconds per ms. The maximum next to each histogram is in ms, the histogram's values are in ns."""
WITHOUT_TAG = "untagged"
"""The name for lines without a tag."""
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
"""The percentiles that are shown."""


def write_log(path: Path, measurement: Measurement) -> None:
    """Write latency and service time of a measurement, grouped by the second of the intended send time."""
    write_text(path, "\n".join(_lines(measurement)) + "\n")


def _lines(measurement: Measurement) -> Iterator[str]:
    """The lines of the log."""
    observed = Observed(measurement)
    joined, start_ns = observed.deliveries, measurement.history.start_ns
    yield "#[Histogram log format version 1.3]"
    yield "#[Seconds since the measured window began; values in ns; written by wsproof]"
    yield COLUMNS
    second = (joined.intended_ns - start_ns) // NS
    is_sent = joined.sent_ns > 0
    for number in np.unique(second).tolist():
        chosen = second == number
        if not observed.closed:
            yield _line("latency", number, joined.latency_ns[chosen])
        if (chosen & is_sent).any():
            yield _line("service_time", number, (joined.received_ns - joined.sent_ns)[chosen & is_sent])


def _line(tag: str, second: int, values: NDArray[np.int64]) -> str:
    """One histogram as a line."""
    return f"Tag={tag},{second:.3f},1.000,{values.max() / MS:.3f},{Histogram.of(values).encode()}"


def read_logs(paths: Iterable[Path]) -> dict[str, Histogram]:
    """Add up the histograms of all files, by tag.

    Raises:
        UsageError: a file cannot be read, a line is not a histogram, or two histograms have different layouts.
    """
    by_tag: dict[str, Histogram] = {}
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the HdrHistogram log {path}: {error}") from error
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith(("#", '"')):
                continue
            tag, rest = WITHOUT_TAG, line
            if line.startswith("Tag="):
                tag, _, rest = line.removeprefix("Tag=").partition(",")
            try:
                histogram = Histogram.decode(rest.split(",")[-1].strip())
                by_tag[tag] = by_tag[tag] + histogram if tag in by_tag else histogram
            except ValueError as error:
                raise UsageError(f"line {number} of {path}: {error}") from error
    return by_tag


def show_histograms(console: Console, by_tag: Mapping[str, Histogram]) -> None:
    """Print the percentiles of each tag as a row; values are taken to be ns."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", *SHARES, "n"):
        table.add_column(heading, justify="right" if heading else "left")
    for tag, histogram in sorted(by_tag.items()):
        cells = [for_reader(histogram.percentile(share), "ns") for share in SHARES.values()]
        table.add_row(Text(clean_line(tag)), *cells, f"{histogram.total:,}")
    console.print(table)
