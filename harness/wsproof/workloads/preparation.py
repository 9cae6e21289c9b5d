"""Prepares members before they connect."""

from __future__ import annotations

from wsproof.workloads.base import Workload
from wsproof.workloads.steps import JoinRefused


def prepared(workload: Workload, member: int, url: str) -> str:
    """Let the workload prepare a member. Returns why it could not; empty if it could."""
    try:
        workload.prepare(member, url)
    except JoinRefused as refusal:
        return f"could not be prepared: {refusal}"
    return ""
