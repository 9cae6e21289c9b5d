"""Watches on the server's output, its process and its memory while a script or a robustness test runs."""

from __future__ import annotations

from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.properties.deflate_bombs import BOMB_MIB
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.machine.usage import TreeMeter
from wsproof.model.server_end import ServerEnd
from wsproof.net.connect import is_refused
from wsproof.net.endpoint import Endpoint
from wsproof.target.last_exception import last_exception
from wsproof.target.output_tail import OutputTail, OutputWatch

__all__ = ["STAYS", "MemoryWatch", "ServerWatch"]

STAYS = "the server's process to keep running"
_REFUSED = "connections are refused from then on: the server's process ended, or no longer listens"
_REFUSED_S = 1.0
_MIB = 1 << 20


class ServerWatch:
    """Watches one server from now on. Only a server that wsproof started has an output to read."""

    def __init__(self, server: object) -> None:
        self._server = server
        output: OutputTail | None = getattr(server, "output", None)
        self._watch = OutputWatch(output) if output is not None else None

    def exception(self) -> tuple[str, ...]:
        """The last exception that the server has written since the watch began."""
        return last_exception(self._watch.lines()) if self._watch is not None else ()

    def end(self, endpoint: Endpoint) -> ServerEnd | str | None:
        """Return how the server's process ended, or None if it still runs.

        A server of ours gives a ServerEnd with an exit code, another one only a sentence.
        """
        ended = getattr(self._server, "ended", None)
        if ended is not None and (end := ended()) is not None:
            assert isinstance(end, ServerEnd)
            return end
        return _REFUSED if is_refused(endpoint, _REFUSED_S) else None


class MemoryWatch:
    """Watches the memory of the process tree under `pid` from now on.

    Without a pid, or if the system does not report peaks, it reports no violation. `least` keeps the smallest size of
    each process. A process may stay large after a bomb and would not grow during the next one.
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
