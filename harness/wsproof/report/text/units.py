"""Numbers with readable units: 1.84 ms, not 1840321 ns."""

from __future__ import annotations

import math
from dataclasses import dataclass

TIME = ((1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s"))
SIZE = ((1.0, "B"), (1024.0, "KiB"), (1024.0**2, "MiB"), (1024.0**3, "GiB"))
FAMILIES = {unit: (TIME, size) for size, unit in TIME} | {unit: (SIZE, size) for size, unit in SIZE}
"""The scales of each unit, and its size in the smallest unit of them."""
FAMILIES["us"] = FAMILIES["µs"]
NOTHING = "–"
"""Stands for a missing value."""


@dataclass(frozen=True)
class Scale:
    """The display of values of one unit: multiply by `factor` and append `unit`, which may be empty."""

    factor: float
    unit: str

    def number(self, value: float) -> str:
        """The value without its unit, in three significant digits."""
        return significant(value * self.factor)

    def show(self, value: float) -> str:
        """The value with its unit."""
        return f"{self.number(value)}{_joint(self.unit)}{self.unit}"


def scale_for(largest: float, unit: str) -> Scale:
    """The scale that makes a value of about `largest` easy to read."""
    if unit == "0-1":
        return Scale(100.0, "%")
    if unit not in FAMILIES:
        return Scale(1.0, "" if unit in ("1", "") else unit.replace("1/", "/"))
    family, base = FAMILIES[unit]
    size = abs(largest) * base
    # A value that rounds up to 1 of the next unit takes that unit: 999.9 µs is 1 ms.
    step, name = next(((step, name) for step, name in reversed(family) if size >= step * 0.9995), family[0])
    return Scale(base / step, name)


def for_reader(value: float | None, unit: str) -> str:
    """One value in a readable unit; a dash if it is missing."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if unit == "0-1":
        return share(value)
    return scale_for(value, unit).show(value)


def share(value: float) -> str:
    """A share in per cent. A share below 100 % is never rounded up to 100 %, nor one above 0 down to 0."""
    percent = value * 100
    if value != 0 and abs(value) < 0.00005:
        return "< 0.01 %"
    if 99 < percent < 100:
        return f"{math.floor(percent * 100) / 100:.2f} %"
    return f"{significant(percent)} %"


def significant(value: float) -> str:
    """Three significant digits, with thousands separators and without trailing zeros."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else NOTHING
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def change(ratio: float | None) -> str:
    """A ratio as a relative change: +12.5 %, −3 %; ×2.4 from a factor of two on."""
    if ratio is None or not math.isfinite(ratio):
        return NOTHING
    if ratio >= 2:
        return f"×{significant(ratio)}"
    percent = (ratio - 1) * 100
    text = f"{abs(percent):.1f}"
    return "0 %" if text == "0.0" else f"{'+' if percent > 0 else '−'}{text} %"


def duration(seconds: float) -> str:
    """A duration: 14.2 s, 3 min 05 s, 1 h 02 min."""
    if seconds < 60:
        return f"{significant(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _joint(unit: str) -> str:
    return "" if unit in ("", "/s") else " "
