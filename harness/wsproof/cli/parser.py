"""The parser of the verbs and their options. A verb's module is imported only when it runs, so `--help` is fast."""

from __future__ import annotations

import argparse
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from wsproof import __version__
from wsproof.cli.options import ExportOptions, ImportOptions, ListOptions, ReportOptions, add_options
from wsproof.cli.outputs import Outputs
from wsproof.errors import ExitCode
from wsproof.session.option import from_text, options_in, read_options
from wsproof.session.options import (
    BenchOptions,
    BisectOptions,
    CapacityOptions,
    CheckOptions,
    CompareOptions,
    DoctorOptions,
    InitOptions,
    LoadOptions,
    ReplayOptions,
    RunOptions,
    ServeOptions,
)
from wsproof.session.project_file import ProjectFile, read_project_file

CODES = """\
exit codes, for every command:
  0    all well
  1    invalid, worse, or an objective missed
  2    an error in the command or in your channel file, or the target could not be started or reached
  3    cannot tell: too little was checked, a comparison is inconclusive, a figure that an
       objective or --strict-trust needs is void, or wsproof itself crashed
  130  interrupted            143  terminated
  1 takes precedence over 3. Without --slo and --strict-trust, void figures are only marked. A load
  also exits with 3 if even its medians are void, or if fewer users connected than requested.

TARGET, the same for every command:
  (nothing)              the target in [tool.wsproof] of pyproject.toml, else the reference server of
                         this checkout
  ws://host:port/path    a running server (wss:// with --ca FILE or --insecure)
  pkg.module:app         an ASGI app, which wsproof starts (--server, --env K=V, --path /ws)
  cmd:COMMAND            any command that starts a server ({port} is filled in), with --ready URL
"""


O_co = TypeVar("O_co", covariant=True)


@dataclass(frozen=True)
class ParsedCommand(Generic[O_co]):
    """A verb with its options and outputs. `began`: the start of the command, in seconds of `time.monotonic`."""

    verb: str
    options: O_co
    outputs: Outputs
    began: float | None = None


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are short: what is wrong, and the `--help` command to run."""

    def error(self, message: str) -> NoReturn:
        """Print the error with a suggestion, and exit with the code of wrong usage."""
        self.exit(int(ExitCode.USAGE), f"{self.prog}: {_with_suggestion(message)}\n(usage: {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as argparse does. The verb's own parser reports unknown options, with the nearest known one."""
        parsed, rest = super().parse_known_args(args, namespace)
        if rest and self._is_verb:
            flags = [word.partition("=")[0] for word in rest if word.startswith("-")]
            near = [match for flag in flags for match in get_close_matches(flag, self._option_string_actions, n=1)]
            suggestion = f" Did you mean {' '.join(near)}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(rest)}.{suggestion}")
        return parsed, rest

    @property
    def _is_verb(self) -> bool:
        return " " in self.prog


def _with_suggestion(message: str) -> str:
    """Add the nearest valid choice to the message of an invalid choice."""
    wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
    near = get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1) if wrong is not None else []
    return f"{message}. Did you mean {near[0]}?" if near else message


@dataclass(frozen=True)
class Verb:
    """One command: its help, the class of its options, and the outputs that it offers."""

    help: str
    options: type
    outputs: tuple[str, ...] = ()
    epilog: str | None = None


SEVERAL_LOADS = (
    "--workload chat,echo compares each of these workloads, --server uvicorn,granian (or all) the app on each of these "
    "servers; both together compare each workload on each server."
)
"""What `compare` and `bisect` do with several workloads or servers."""

VERBS: dict[str, Verb] = {
    "init": Verb(
        "look at an app and write its table in pyproject.toml, a channel file, a test and a CI job",
        InitOptions,
        epilog="Default TARGET: the only app in this folder. No file is overwritten without asking.",
    ),
    "check": Verb(
        "check that a server follows the protocol and that every subscriber receives every message",
        CheckOptions,
        ("quiet", "all", "write_accepted_to", "json", "junit", "markdown", "github"),
        "--server all (or a,b,c) runs the app on several servers in turn and prints one table, servers by chapters.",
    ),
    "bench": Verb(
        "measure how long it takes until the last of N subscribers has received a message",
        BenchOptions,
        ("hdr", "all", "write_accepted_to", "json", "markdown", "github"),
    ),
    "capacity": Verb(
        "find the highest load at which a server meets its objectives",
        CapacityOptions,
        ("all", "write_accepted_to", "json"),
        "With --over rooms, --subscribers, --publishers and --rate apply to each room.",
    ),
    "load": Verb(
        "put load on a server with Locust users, in the web UI or headless",
        LoadOptions,
        ("headless", "all", "write_accepted_to", "json"),
        "Without --headless, the load starts when you press Start in Locust's web page. All arguments after -- go to "
        "Locust: wsproof load --users 200 -- --spawn-rate 50",
    ),
    "run": Verb(
        "check, bench and load a server, with one record and one page",
        RunOptions,
        ("all", "write_accepted_to", "json", "junit", "markdown", "github"),
        "With the default options a run takes at most 90 s. The checks end 46 s after the start (--budget changes "
        "that). Checks for which no time is left are listed as not run.",
    ),
    "compare": Verb(
        "find out whether a candidate is worse than its base: two git refs, or two stored runs",
        CompareOptions,
        ("all", "write_accepted_to", "json", "markdown", "github"),
        SEVERAL_LOADS,
    ),
    "bisect": Verb(
        "find the first commit that is worse than a good one",
        BisectOptions,
        ("all", "json", "markdown"),
        f"Each step is a comparison with GOOD. After Ctrl-C the same command goes on where it was. {SEVERAL_LOADS}",
    ),
    "doctor": Verb("report on this machine, this installation and a target", DoctorOptions),
    "report": Verb("write the page of a run, or the index of all runs", ReportOptions),
    "export": Verb("write a run in the format of another tool", ExportOptions),
    "import": Verb("keep a result of pytest-benchmark or Locust as a run", ImportOptions),
    "replay": Verb("repeat the shortest reproduction of a finding", ReplayOptions),
    "list": Verb("list targets, servers, workloads, checks, metrics or runs", ListOptions),
    "serve": Verb("start a target and leave it running until Ctrl-C", ServeOptions),
}
"""The verbs, in the order of the help."""


NOT_OF_PROJECT = ("init", "replay")
"""Verbs to which the options of the project's file do not apply: they write that file, or use a recorded target."""


def build_parser(in_project: Mapping[str, Container[str]] | None = None) -> argparse.ArgumentParser:
    """Build the parser of the whole command line. `in_project`: the options of each verb in the project's file."""
    parser = Parser(
        prog="wsproof",
        description="Prove that a real-time server is correct, fast, and no worse than it was on main.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wsproof {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        own = verbs.add_parser(name, help=verb.help, description=verb.help, epilog=verb.epilog, allow_abbrev=False)
        add_options(own, verb.options, known=(in_project or {}).get(name, ()))
        add_options(own, Outputs, verb.outputs)
    return parser


def parse_command(
    words: Sequence[str], locust_arguments: Sequence[str] = (), began: float | None = None
) -> ParsedCommand[Any]:
    """Parse one command. `locust_arguments`: what follows `--` on the command line.

    Raises:
        SystemExit: wrong usage, or `--help`.
        UsageError: the project's pyproject.toml has a wrong option.
    """
    of_project = [name for name in words[:1] if name in VERBS and name not in NOT_OF_PROJECT]
    project = read_project_file(Path.cwd()) if of_project else ProjectFile()
    in_project = {name: project.names(name, VERBS[name].options) for name in of_project}
    parsed = vars(build_parser(in_project).parse_args(words))
    verb = VERBS[parsed["verb"]]
    table = options_in(verb.options)
    configured = project.options(parsed["verb"], verb.options, parsed.get("target"))
    defaults = {name: table[name].initial() for name in in_project.get(parsed["verb"], ())}
    values = {name: from_text(name, table[name], value) for name, value in configured.items()}
    options: Any = read_options(verb.options, {**defaults, **values, **parsed})
    if locust_arguments:
        options = replace(options, locust_arguments=tuple(locust_arguments))
    return ParsedCommand(parsed["verb"], options, read_options(Outputs, parsed, verb.outputs), began)


def run_command(command: ParsedCommand[Any]) -> ExitCode:
    """Run the command with the module of its verb, which is imported here and not for `--help`."""
    command.outputs.require_writable()
    code: ExitCode = import_module(f"wsproof.cli.{command.verb}").run_command(command)
    return code
