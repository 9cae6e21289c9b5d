"""The page of the workloads that come with wsproof."""

from __future__ import annotations

from documentation.markdown_table import code, markdown_table, plain
from wsproof import Workload
from wsproof.report.text.contract import promises
from wsproof.workloads import CHANNELS, load_channels

INTRODUCTION = """\
# Channels that wsproof knows

`--channels NAME` chooses a set, and `--set WORKLOAD.KEY=VALUE` changes a setting of a workload. For other formats,
[describe your own channels](../how-to/channels.md).

"""


def channels_page() -> str:
    """Each set of workloads with its promises and settings."""
    return INTRODUCTION + "\n".join(map(_section, CHANNELS))


def _section(name: str) -> str:
    return f"## `--channels {name}`\n\n" + "\n".join(map(_workload, load_channels(name).values()))


def _workload(workload: Workload) -> str:
    lines = [f"**{workload.name}**: {plain(workload.title)}.\n"]
    lines.append("\n".join(f"- {plain(promise)}" for promise in promises(workload.contract)) + "\n")
    rows = [[code(f"{workload.name}.{key}"), plain(meaning)] for key, meaning in workload.parameters.items()]
    return "\n".join([*lines, markdown_table(["setting", "meaning"], rows)] if rows else lines)
