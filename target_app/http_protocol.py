"""uvicorn's HTTP protocol with a limit to the head of a request.

uvicorn keeps the address, all headers and all trailers of a request in memory, however many there are, before the
application is asked. The parser that uvicorn uses without `httptools` (h11) has such a limit of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES = 65_536
"""Longest head of a request, and longest rest of it that is not body. h11 has the same limit."""

TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n"
    b"x-content-type-options: nosniff\r\n\r\n"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Counts the bytes since the last progress: the end of a head, a part of a body, or its end."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bytes_without_progress = 0

    def data_received(self, data: bytes) -> None:
        self._bytes_without_progress += len(data)
        super().data_received(data)
        if self._bytes_without_progress > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def _refuse(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an earlier request is being answered, or the trailers of this one are too long
            return
        self.logger.warning("refused a request with a head of more than %d bytes", MAX_HEAD_BYTES)
        self.transport.write(TOO_LONG)
        self.transport.close()

    def on_headers_complete(self) -> None:
        self._bytes_without_progress = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bytes_without_progress = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._bytes_without_progress = 0
        super().on_message_complete()
