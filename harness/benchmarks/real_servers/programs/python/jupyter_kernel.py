"""jupyter_server with one running kernel, whose id is known."""

from __future__ import annotations

import sys

from jupyter_server.serverapp import ServerApp
from tornado.ioloop import IOLoop

KERNEL = "11111111-2222-3333-4444-555555555555"

app = ServerApp()
app.initialize(
    [
        "--ip=127.0.0.1",
        f"--port={sys.argv[1]}",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=corpus-of-real-servers",
        f"--ServerApp.root_dir={sys.argv[2]}",
    ]
)


async def start_kernel() -> None:
    await app.kernel_manager.start_kernel(kernel_id=KERNEL)


IOLoop.current().add_callback(start_kernel)
app.start()
