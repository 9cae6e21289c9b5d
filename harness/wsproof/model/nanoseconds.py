"""The unit of all times inside of wsproof."""

from __future__ import annotations

__all__ = ["NS"]

NS = 1_000_000_000
"""Nanoseconds per second. Every time and duration whose name ends in `_ns` is in this unit."""
