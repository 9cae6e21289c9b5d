"""Watches the server's own output and process while one script or robustness test runs."""

from __future__ import annotations

from wsproof.model.server_end import ServerEnd
from wsproof.net.connect import is_refused
from wsproof.net.endpoint import Endpoint
from wsproof.target.last_exception import last_exception
from wsproof.target.output_tail import OutputTail, OutputWatch

__all__ = ["STAYS", "ServerWatch"]

STAYS = "the server's process to go on"
_REFUSED = "connections are refused from then on: the server's process ended, or listens no more"
_REFUSED_S = 1.0


class ServerWatch:
    """Watches one server from now on. wsproof cannot read the output of a server that it did not start."""

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
