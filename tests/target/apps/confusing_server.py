"""A uvicorn with one planted fault: it treats `_` in a header's name as `-`.

Usage: python -m tests.target.apps.confusing_server pkg.module:app PORT
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from uvicorn.importer import import_from_string


class UnderscoreConfusion:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if "headers" in scope:
            scope["headers"] = [(name.replace(b"_", b"-"), value) for name, value in scope["headers"]]
        await self.app(scope, receive, send)


if __name__ == "__main__":
    uvicorn.run(UnderscoreConfusion(import_from_string(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
