"""`wsproof check` on a corpus of real servers.

    python -m benchmarks.real_servers                  (in harness/; installs what is missing, then checks all in turn)
    python -m benchmarks.real_servers tornado 'ws, '   (those whose name has one of these words)
    python -m benchmarks.real_servers --list
    python -m benchmarks.real_servers --table rows.jsonl

Each server comes from PyPI, npm or Debian, runs the example of its own documentation, and listens on loopback alone.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import figures
from benchmarks.progress_line import say
from benchmarks.real_servers.checking import DEFAULT_BUDGET_S, Row, check
from benchmarks.real_servers.environments import prepare, versions_of
from benchmarks.real_servers.judged import true_violations
from benchmarks.real_servers.running import DidNotStart, running
from benchmarks.real_servers.server import RealServer
from benchmarks.real_servers.table import SERVERS
from wsproof.model.former_names import current_check

TITLES = ("server", "version", "seconds", "exit", "violations", "true", "not judged", "checks", "unknown", "not run")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # so that servers are ended, too
    asked = arguments()
    if asked.table:
        say(table(figures.rows_of(asked.table)))
        return
    chosen = [server for server in SERVERS if any(word in server.name for word in asked.servers)]
    if asked.list:
        say("\n".join(server.name for server in chosen))
        return
    by_name = {server.name: server for server in SERVERS}
    prepare([*chosen, *(by_name[server.behind] for server in chosen if server.behind is not None)])
    if asked.install:
        return
    rows: list[figures.Row] = []
    for server in chosen:
        row = measured(server, by_name, asked.out / folder_name(server), asked.seed, asked.budget).as_json()
        say(sentence(row))
        figures.append(asked.json, row)
        rows.append(row)
    say(table(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "servers", nargs="*", default=[""], metavar="WORD", help="only servers whose name has one of them"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all generated traffic (0)")
    parser.add_argument("--budget", type=float, default=DEFAULT_BUDGET_S, help="seconds of each check (60)")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "real-servers", help="logs and runs")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--install", action="store_true", help="make the environments and stop")
    figures.add_options(parser)
    return parser.parse_args()


def measured(server: RealServer, by_name: dict[str, RealServer], folder: Path, seed: int, budget_s: float) -> Row:
    """Check one server. If it does not start, its row says why."""
    folder = folder.resolve()
    versions = versions_of(server)
    try:
        with running(server, by_name, folder) as started:
            return check(server, versions, started, folder, seed, budget_s)
    except DidNotStart as error:
        return Row(server.name, tuple(versions), 0.0, None, False, None, said=f"did not start: {error}")


def folder_name(server: RealServer) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in server.name)


def sentence(row: figures.Row) -> str:
    """One row as a line of text, printed as soon as the server has been checked."""
    crash = ", CRASHED" if row["crashed"] else ""
    died = f", the server ended with {row['died']}" if row["died"] is not None else ""
    violations = " ".join(row["violations"]) or "none"
    ended = f"exit {row['exit_code']} in {row['seconds']} s{crash}{died}"
    return f"{row['server']}: {ended}; violations: {violations}; {row['said']}"


def table(rows: list[figures.Row]) -> str:
    """The last row of each server in Markdown, with a reason for each violation that was confirmed by hand."""
    judged, last = true_violations(), {row["server"]: row for row in rows}
    chosen = [last[server.name] for server in SERVERS if server.name in last]
    return figures.markdown(TITLES, (cells(row, judged.get(row["server"], {})) for row in chosen))


def cells(row: figures.Row, judged: Mapping[str, str]) -> list[str]:
    """The cells of one line. Violations that nobody has judged yet are listed by name."""
    code = "crash" if row["crashed"] else str(row["exit_code"])
    found = sorted({current_check(check) for check in row["violations"]})
    words = [f"`{check}`: {judged[check]}" for check in found if check in judged]
    open_ones = [f"`{check}`" for check in found if check not in judged]
    return [
        row["server"],
        " / ".join(row["versions"]),
        f"{row['seconds']:.0f}",
        code,
        str(len(row["violations"])),
        "; ".join(words) or "–",
        ", ".join(open_ones) or "–",
        str(row["checks"]),
        str(len(row["unknown"])),
        str(len(row["not_run"])),
    ]


if __name__ == "__main__":
    main()
