"""The report of `wsproof doctor` on this machine and this installation."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from wsproof import __version__
from wsproof.load.source_addresses import PORT_RANGE
from wsproof.machine.affinity import cores_quota, count_cores, own_cores
from wsproof.machine.fd_limits import most_connections
from wsproof.net.kernel_clock import does_kernel_stamp
from wsproof.report.store.environment import installed_version

CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies")
"""Clock sources of Linux that need a system call, or tick too slowly."""
FEW_CONNECTIONS = 1_000
"""A load of the usual size needs more connections than this."""
PARTS = {
    "locust": ("wsproof load", "pip install 'wsproof[locust]'"),
    "uvloop": ("a load engine that needs less CPU", "pip install uvloop"),
    "wsproto": ("--server uvicorn-wsproto", "pip install 'wsproof[servers]'"),
    "hypercorn": ("--server hypercorn", "pip install 'wsproof[servers]'"),
    "granian": ("--server granian", "pip install 'wsproof[servers]'"),
    "daphne": ("--server daphne", "pip install 'wsproof[servers]'"),
}
"""Optional packages: what needs them, and the command that installs them."""


@dataclass(frozen=True)
class DoctorRow:
    """One line of the report. `advice` says what to do; empty if all is well."""

    topic: str
    value: str
    advice: str = ""


def machine_rows() -> list[DoctorRow]:
    """The report on this machine and this installation."""
    return [
        DoctorRow("wsproof", f"{__version__}, Python {platform.python_version()}, {platform.system()}"),
        cores_row(count_cores(), len(own_cores()), cores_quota()),
        connections_row(most_connections()),
        *ports_rows(_read(PORT_RANGE)),
        *clock_rows(_read(CLOCK_SOURCE)),
        stamps_row(is_stamped=does_kernel_stamp()),
        *part_rows({name: installed_version(name) for name in PARTS}),
    ]


def cores_row(cores: int, own: int, quota: float | None) -> DoctorRow:
    """The row with the number of cores that this process may use."""
    limit = f", and a quota of {quota:g}" if quota is not None else ""
    few = "server and load generator share one core, which falsifies all figures of a load" if cores < 2 else ""
    return DoctorRow("cores", f"{own} available{limit}; wsproof uses {cores}", few)


def connections_row(most: int) -> DoctorRow:
    """The row with the number of connections that one process can hold."""
    advice = "raise the hard limit of open files: ulimit -Hn 20000" if most < FEW_CONNECTIONS else ""
    return DoctorRow("connections", f"at most {most:,} per process (hard limit of open files)", advice)


def ports_rows(text: str) -> list[DoctorRow]:
    """The row with the number of ports per source address; no row if the system does not report it."""
    words = text.split()
    if len(words) != 2:
        return []
    return [DoctorRow("ports", f"{int(words[1]) - int(words[0]) + 1:,} per source address, {words[0]} to {words[1]}")]


def clock_rows(name: str) -> list[DoctorRow]:
    """The row with the clock source of Linux; no row on other systems."""
    slow = f"{name} is slow, so every timestamp is expensive; boot with clocksource=tsc if the machine has one"
    return [DoctorRow("clock", name, slow if name in SLOW_CLOCKS else "")] if name else []


def stamps_row(*, is_stamped: bool) -> DoctorRow:
    """The row that says whether the kernel stamps arriving data."""
    if is_stamped:
        return DoctorRow("timestamps", "arrivals are stamped by the kernel")
    return DoctorRow(
        "timestamps",
        "arrivals are stamped by the process",
        "a busy load generator adds to latencies; --strict-trust fails a run in which it does",
    )


def part_rows(versions: dict[str, str | None]) -> list[DoctorRow]:
    """The row of installed optional packages, and a row with the command for each that is missing."""
    present = [f"{name} {installed}" for name, installed in versions.items() if installed is not None]
    rows = [DoctorRow("installed", ", ".join(present) or "no optional package")]
    for name, installed in versions.items():
        if installed is None:
            rows.append(DoctorRow("not installed", f"{name}, for {PARTS[name][0]}", PARTS[name][1]))
    return rows


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:  # not Linux, or hidden in a container
        return ""
