"""The page of the servers that wsproof starts, and of the known deviations of server libraries."""

from __future__ import annotations

from documentation.markdown_table import code, markdown_table, plain, unbroken
from wsproof.deviations import shipped_deviations, shipped_names
from wsproof.target.servers import SERVERS

INTRODUCTION = """\
# Servers and their known deviations

`--server NAME` chooses the server that runs an ASGI app. The default is uvicorn with uvicorn's own defaults.

"""
DEVIATIONS = """\
## Known deviations

These are faults of server libraries, which no app can mend. They do not count in a check of that server, and `--all`
shows them. `--server-hint NAME` applies them to a server that wsproof does not start.

"""


def servers_page() -> str:
    """Each server for apps, and the shipped deviations of each library."""
    servers = [[code(name), plain(server.title)] for name, server in SERVERS.items()]
    sections = "\n".join(map(_section, shipped_names()))
    return INTRODUCTION + markdown_table(["server", "what it is"], servers) + "\n" + DEVIATIONS + sections


def _section(name: str) -> str:
    deviations = shipped_deviations(name, None)
    rows = [[code(each.check), plain(each.reason), unbroken(each.section), plain(each.upstream)] for each in deviations]
    return f"### {name}\n\n" + markdown_table(["check", "reason", "section", "upstream"], rows)
