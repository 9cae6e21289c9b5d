"""`wsproof doctor`: what this machine can do, what is installed, and what a target takes."""

from __future__ import annotations

from pathlib import Path

from wsproof.session.context import target_of
from wsproof.session.machine_report import DoctorRow, machine_rows
from wsproof.session.options import DoctorOptions
from wsproof.session.recognition import filled_path
from wsproof.session.target_report import target_rows
from wsproof.target.introspect import app_facts
from wsproof.target.server import serve
from wsproof.target.target import Target


def doctor(options: DoctorOptions) -> list[DoctorRow]:
    """The report on this machine and, if one is given, on a target.

    Raises:
        UsageError: the options describe no target.
        TargetError: the target cannot be started or reached.
    """
    rows = machine_rows()
    if options.target is None:
        return rows
    target = target_of(options, Path.cwd())
    with serve(target) as server:
        return rows + target_rows(server, _path(target))


def _path(target: Target) -> str:
    if target.path is not None or target.app is None:
        return target.path or "/"
    paths = app_facts(target).paths
    plain = [path for path in paths if "{" not in path]
    return filled_path(next(iter(plain), next(iter(paths), "/")), "1")
