"""Parser of the verbs and their options. A verb's module is imported only when it runs, so `--help` is quick."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from wsproof import __version__
from wsproof.cli import options
from wsproof.errors import ExitCode

CODES = """\
exit codes, for every command:
  0    all well
  1    invalid, worse, or an objective missed
  2    usage, a mistake in your own channel file, or the target could not be started or reached
  3    cannot tell: nothing could be known, a comparison is inconclusive, a figure that an
       objective (or --strict-trust) asked for is void, or wsproof itself crashed
  130  interrupted            143  terminated
  A violation outranks 3. Without --slo and --strict-trust, void figures are marked and the code is 0.

TARGET, the same everywhere:
  (nothing)              the reference server of this checkout
  ws://host:port/path    something already running (wss:// with --ca FILE or --insecure)
  pkg.module:app         an ASGI app, started here (--server, --env K=V, --path /ws)
  cmd:COMMAND            any command that starts a server; {port} is filled in; with --ready URL
"""

WHAT_TO_LIST = ("targets", "servers", "workloads", "checks", "metrics", "runs")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are short: the mistake, and the `--help` command to run."""

    def error(self, message: str) -> NoReturn:
        """Print the error with a suggestion, and exit with the code of wrong usage."""
        self.exit(int(ExitCode.USAGE), f"{self.prog}: {_with_meant(message)}\n(usage: {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as argparse does. The verb's own parser reports unknown options, with the nearest known one."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._is_verb:
            given = [word.partition("=")[0] for word in rest if word.startswith("-")]
            near = [match for word in given for match in get_close_matches(word, self._option_string_actions, n=1)]
            meant = f" Did you mean {' '.join(near)}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(rest)}.{meant}")
        return found, rest

    @property
    def _is_verb(self) -> bool:
        return " " in self.prog


def _with_meant(message: str) -> str:
    """Add the nearest valid choice to the message of an invalid choice."""
    wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
    near = get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1) if wrong is not None else []
    return f"{message}. Did you mean {near[0]}?" if near else message


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = Parser(
        prog="wsproof",
        description="Prove that a real-time server is correct, fast, and no worse than it was on main.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wsproof {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _check(_verb(verbs, "check", "does it speak the protocol, and does every subscriber get every message?"))
    _bench(_verb(verbs, "bench", "how long until the last of N subscribers has it?"))
    _capacity(_verb(verbs, "capacity", "how many subscribers can it take before it misses its objectives?"))
    _load(_verb(verbs, "load", "many Locust users, in the web UI or headless"))
    _run(_verb(verbs, "run", "check, bench and load; one record, one page"))
    _compare(_verb(verbs, "compare", "is the candidate worse than the base? two git refs, or two stored runs"))
    _report(_verb(verbs, "report", "the page of a run, or the index of all runs"))
    _replay(_verb(verbs, "replay", "one finding's shortest reproduction, again"))
    _list(_verb(verbs, "list", "what there is: targets, servers, workloads, checks, metrics, runs"))
    _serve(_verb(verbs, "serve", "start a target and leave it running until Ctrl-C"))
    return parser


def _verb(
    verbs: argparse._SubParsersAction[Parser],  # argparse has no public name for it
    name: str,
    help_text: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
    parser.set_defaults(perform=_lazy(name))
    return parser


def _lazy(name: str) -> Callable[[argparse.Namespace], int]:
    def perform(arguments: argparse.Namespace) -> int:
        code: int = import_module(f"wsproof.cli.{name}").perform(arguments)
        return code

    return perform


def _check(parser: argparse.ArgumentParser) -> None:
    options.add_target(parser)
    options.add_channels(parser)
    options.add_suite(parser)
    options.add_known(parser)
    options.add_json(parser)
    parser.add_argument("--junit", type=Path, metavar="F", help="write JUnit XML, too")
    options.add_markdown(parser)
    options.add_out(parser)
    parser.epilog = "--server all (or a,b,c) runs the app on several servers in turn: one table, servers by chapters."


def _bench(parser: argparse.ArgumentParser) -> None:
    options.add_target(parser)
    options.add_channels(parser)
    options.add_plan(parser)
    options.add_metering(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the schedule (default 0)")
    parser.add_argument("--hdr", type=Path, metavar="F", help="write latencies as a HdrHistogram log, too")
    parser.add_argument("--slo", action="append", default=[], metavar="EXPR", help="e.g. 'p99(latency) < 100ms'")
    options.add_known(parser)
    options.add_trust(parser)
    options.add_json(parser)
    options.add_markdown(parser)
    options.add_out(parser)


def _capacity(parser: argparse.ArgumentParser) -> None:
    options.add_target(parser)
    options.add_channels(parser)
    options.add_plan(parser)
    options.add_metering(parser)
    add = parser.add_argument_group("search").add_argument
    add("--slo", action="append", required=True, metavar="EXPR", help="e.g. 'p99(latency) < 100ms'; all must be met")
    add("--over", default="subscribers", choices=["subscribers", "rate", "rooms"], help="what is raised (subscribers)")
    add("--from", type=options.positive_number, dest="lowest", metavar="N", help="the lowest level (10, or 1)")
    add("--to", type=options.positive_number, dest="highest", metavar="N", help="the highest (10,000, or what fits)")
    add("--resolution", type=options.positive_number, default=0.4, metavar="SHARE", help="width of the interval (0.4)")
    add("--trials", type=options.positive, default=40, metavar="N", help="at most so many runs (40)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the schedule (default 0)")
    options.add_known(parser)
    options.add_json(parser)
    options.add_out(parser)
    parser.set_defaults(duration=4.0, warmup=1.0)
    parser.epilog = "With --over rooms, --subscribers, --publishers and --rate are those of each room."


def _load(parser: argparse.ArgumentParser) -> None:
    options.add_target(parser)
    options.add_channels(parser)
    _locust_options(parser)
    parser.add_argument("--headless", action="store_true", help="no web page: run, report, exit")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", help="only these user classes")
    parser.add_argument("--duration", type=options.seconds, default=20.0, metavar="S", help="with --headless (20s)")
    options.add_known(parser)
    options.add_trust(parser)
    options.add_json(parser)
    options.add_out(parser)
    parser.epilog = "What follows -- is handed to locust as it is: wsproof load --users 200 -- --spawn-rate 50"


def _locust_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--users", type=options.positive, default=100, metavar="N", help="Locust users (default 100)")


def _run(parser: argparse.ArgumentParser) -> None:
    options.add_target(parser)
    options.add_channels(parser)
    options.add_suite(parser)
    options.add_plan(parser)
    options.add_metering(parser)
    _locust_options(parser)
    parser.add_argument("--slo", action="append", default=[], metavar="EXPR", help="e.g. 'p99(latency) < 100ms'")
    options.add_known(parser)
    options.add_trust(parser)
    options.add_json(parser)
    parser.add_argument("--junit", type=Path, metavar="F", help="write JUnit XML of the checks, too")
    options.add_markdown(parser)
    options.add_out(parser)
    parser.set_defaults(budget=None)  # `run` computes its budget from the time that its start took
    parser.epilog = (
        "With the default options all of it takes 90 s at most: the checks have 36 s, counted from the start (--budget "
        "says otherwise), and what they leave no time for is listed as not run."
    )


def _compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help="a git ref, or a stored run")
    parser.add_argument("candidate", metavar="CANDIDATE", help="a git ref, or a stored run")
    options.add_target(parser)
    options.add_channels(parser)
    options.add_plan(parser)
    options.add_metering(parser)
    parser.add_argument("--pairs", type=options.positive, default=10, metavar="N", help="base/candidate pairs (10)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of order and schedule (default 0)")
    parser.add_argument("--exact-base", action="store_true", help="BASE itself, not the merge base of the two")
    options.add_known(parser)
    options.add_json(parser)
    options.add_markdown(parser)
    options.add_out(parser)
    parser.set_defaults(duration=4.0, warmup=1.0)


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help="an id, the beginning of one, a folder, or latest")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument(
        "--hdr", type=Path, action="append", default=[], metavar="F", help="percentiles of HdrHistogram logs, added up"
    )
    options.add_out(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("finding", type=Path, metavar="FINDING.json", help="a file from a run's findings folder")
    options.add_target(parser)
    options.add_channels(parser)
    options.add_login(parser.add_argument)


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=WHAT_TO_LIST, metavar="|".join(WHAT_TO_LIST), help="(all of them)")
    options.add_channels(parser)
    options.add_out(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    options.add_target(parser)
    options.add_channels(parser)
    parser.add_argument("--port", type=options.positive, metavar="N", help="default: a free one")
