"""`wsproof bench --server all` (or `a,b,c`): the same load on one server after the other, and one table of them all."""

from __future__ import annotations

import argparse

from wsproof.cli.bench import bench_target
from wsproof.cli.matrix import required_app
from wsproof.cli.stage import Stage
from wsproof.errors import ExitCode, TargetError, UsageError
from wsproof.net.discover import interpreter
from wsproof.net.servers import ALL, Server, choose_server, choose_servers, missing_packages
from wsproof.net.target import Target
from wsproof.report.benches import Bench, benches_document, benches_markdown, show_benches
from wsproof.report.jsonfile import write_text

OUTRANKS = (ExitCode.FAILED, ExitCode.USAGE, ExitCode.CANNOT_TELL, ExitCode.OK)
"""A violation outranks the rest; a server that did not start outranks what cannot be told."""


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Measure each server, show the table, and write the copies that were asked for."""
    stage = Stage(arguments)
    if arguments.hdr is not None:
        raise UsageError("--hdr writes one file: give it with one --server.")
    target = required_app(stage)
    assert target.app is not None
    servers = choose_servers(arguments.server, target.app)
    if arguments.server != ALL:
        for server in servers:  # who names a server wants that one: its absence is said before any work is done
            choose_server(server.name, interpreter(target.python), target.app)
    measured = [
        measure(stage, server, target, f"{number} of {len(servers)}") for number, server in enumerate(servers, 1)
    ]
    benches = [bench for bench, _ in measured]
    if not any(bench.record for bench in benches):
        raise TargetError("no server could be measured: " + "; ".join(f"{one.server}: {one.reason}" for one in benches))
    stage.headline("all of them")
    show_benches(stage.console, benches)
    stage.write_json(benches_document(benches))
    if arguments.markdown:
        write_text(arguments.markdown, benches_markdown(benches))
    return min((code for _, code in measured), key=OUTRANKS.index)


def measure(stage: Stage, server: Server, target: Target, number: str) -> tuple[Bench, ExitCode]:
    """One server's row. What cannot be started is told in it; the others are still measured."""
    missing = missing_packages(server, interpreter(target.python))
    if missing:
        return Bench(server.name, reason=f"not installed: pip install {' '.join(missing)}"), ExitCode.OK
    stage.headline(f"{number}: {server.name}")
    # Each has a run of its own. The copies that were asked for are of the whole table.
    own = argparse.Namespace(**vars(stage.arguments) | {"server": server.name, "path": target.path})
    own.markdown = None
    try:
        record, code = bench_target(Stage(own))
    except TargetError as error:
        return Bench(server.name, reason=str(error)), ExitCode.USAGE
    return Bench(server.name, record), code
