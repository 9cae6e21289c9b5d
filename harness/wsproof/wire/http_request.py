"""An HTTP request as a value: what a workload returns where its publications do not go through a WebSocket."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsproof.wire.extensions import TOKEN

__all__ = ["HttpRequest"]

_TOKEN = re.compile(TOKEN)
_FIELD_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to the server under test, on a connection that is kept alive.

    `path` includes the query. The user's headers (`--header`, `--token`) and those of the member are sent too, unless
    `headers` has the same name. Host and Content-Length are added.

    Raises:
        ValueError: the method or a header is not valid in HTTP, or the path does not begin with a slash.
    """

    method: str
    path: str
    body: str | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method):
            raise ValueError(f"expected an HTTP method, such as POST, got {self.method!r}")
        if not self.path.startswith("/"):
            raise ValueError(f"expected a path of the server, such as /publish?room=1, got {self.path!r}")
        for name, value in self.headers.items():
            if not (_TOKEN.fullmatch(name) and _FIELD_VALUE.fullmatch(value)):
                raise ValueError(f"expected an HTTP header, got {name!r}: {value!r}")

    @classmethod
    def json(
        cls, path: str, value: Any, *, method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> HttpRequest:
        """Return a request with `value` as its JSON body."""
        return cls(method, path, json.dumps(value), {"Content-Type": "application/json", **(headers or {})})

    @property
    def content(self) -> bytes:
        """The body as bytes; a str in UTF-8."""
        return self.body.encode() if isinstance(self.body, str) else self.body

    def encode(self, target: str, header_lines: Mapping[str, str]) -> bytes:
        """Return the bytes to send. `target` is the path as the request line spells it.

        `header_lines` come first. A header of the request replaces the line of the same name.
        """
        content = self.content
        own = {name.lower() for name in self.headers}
        lines = {name: value for name, value in header_lines.items() if name.lower() not in own} | dict(self.headers)
        present = {name.lower() for name in lines}
        if isinstance(self.body, str) and self.body and "content-type" not in present:
            lines["Content-Type"] = "text/plain; charset=utf-8"
        if "content-length" not in present:
            lines["Content-Length"] = str(len(content))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{self.method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + content
