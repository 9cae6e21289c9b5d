"""Memory growth of the server's process while it reads a message, as the peak of resident memory."""

from __future__ import annotations

from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.properties.deflate_bombs import BOMB_MIB
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.machine.usage import TreeMeter

__all__ = ["MemoryGrowth"]

_MIB = 1 << 20


class MemoryGrowth:
    """Watches the memory of the process tree under `pid` from now on.

    Without a pid, or if the system does not report peaks, it reports no violation. `least` keeps the smallest size of
    each process. A process may stay large after a bomb, and would then not grow at the next one.
    """

    def __init__(self, pid: int | None, least: dict[int, int] | None = None) -> None:
        self._meter = TreeMeter(pid) if pid is not None else None
        self._before: int | None = None
        if self._meter is not None:
            try:
                self._meter.forget_peak()
            except OSError:
                self._meter = None  # The sandbox does not allow it.
            else:
                self._before = self._meter.peak_bytes()
        if pid is not None and self._before is not None and least is not None:
            self._before = least[pid] = min(self._before, least.get(pid, self._before))

    def grown_bytes(self) -> int | None:
        """Bytes by which the peak of resident memory exceeds the size at the start."""
        peak = self._meter.peak_bytes() if self._meter is not None else None
        return peak - self._before if peak is not None and self._before is not None else None

    def violations(self, transcript: Transcript) -> list[RuleViolation]:
        """A violation if the server refused a bomb only after it had inflated all of it."""
        grown = self.grown_bytes()
        refused = transcript.close is not None or transcript.ended
        if grown is None or grown < BOMB_MIB * _MIB or transcript.at_barrier or not refused:
            return []
        expected = f"a message that inflates to {BOMB_MIB} MiB to be refused before all of it is in memory"
        return [
            RuleViolation("deflate-bomb-memory", expected, f"the server's process had grown by {grown // _MIB} MiB")
        ]
