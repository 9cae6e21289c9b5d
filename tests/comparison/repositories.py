"""Small git repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

ECHO = """
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await send({"type": "websocket.accept"})
    count = 0
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message["type"] == "websocket.receive":
            count += 1
            if count != FORGETS:
                await send({"type": "websocket.send", "text": "Message received: " + message["text"]})
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with a neutral author and without the user's settings."""
    identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.invalid", "-c", "commit.gpgsign=false"]
    completed = subprocess.run(
        ["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return completed.stdout.strip()


def commit(folder: Path, message: str, **files: str) -> str:
    """Write files (`a__b` is a/b, `x_py` is x.py), commit them, and return the sha."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path) -> Path:
    """Create a repository with two branches. main: one, two. feature: one, three."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "one", app_py="VALUE = 1\n")
    git(folder, "branch", "feature")
    commit(folder, "two", app_py="VALUE = 2\n")
    git(folder, "switch", "--quiet", "feature")
    commit(folder, "three", app_py="VALUE = 3\n")
    git(folder, "switch", "--quiet", "main")
    return folder


def forgetful_echo(folder: Path, forgotten: int) -> Path:
    """Create a repository with `shop:app`, an app that echoes.

    On main it answers all messages. On forgetful it omits the answer to one message of each connection, counted from 1.
    """
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "an echo", shop_py="FORGETS = 0\n" + ECHO)
    git(folder, "switch", "--quiet", "--create", "forgetful")
    commit(folder, "forgets", shop_py=f"FORGETS = {forgotten}\n" + ECHO)
    return folder
