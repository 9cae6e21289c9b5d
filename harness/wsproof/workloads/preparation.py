"""Prepares members before they connect, and lets their credentials expire."""

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


def expired(workload: Workload, member: int, url: str) -> str:
    """Let the workload make a member's credentials expire. Returns why it could not; empty if it could."""
    try:
        workload.expire(member, url)
    except JoinRefused as refusal:
        return f"has credentials that did not expire: {refusal}"
    return ""
