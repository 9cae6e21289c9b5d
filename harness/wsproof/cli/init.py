"""`wsproof init`: write what a project needs to be tested, after a look at its app or server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wsproof.cli.console import TerminalConsole
from wsproof.cli.parsed_command import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.session.init import InitResult, init
from wsproof.session.init_files import PlannedFile
from wsproof.session.options import InitOptions
from wsproof.session.recognition import RecognisedChannel


def run_command(command: ParsedCommand[InitOptions]) -> ExitCode:
    """Look at the target, say what was recognised, and write the files. A file that is there is asked about first."""
    console = TerminalConsole(command.outputs)
    result = init(command.options, console=console)
    for channel in result.channels:
        console.say(f"  {channel.path}: {recognised(channel)}")
    for file in result.files:
        name = file.path.relative_to(Path.cwd())
        if command.options.dry_run:
            console.say(f"\n--- {name}\n{file.text}")
        elif file.replaces and not (command.options.yes or _is_wanted(name)):
            console.say(f"  {name}: left as it is (--yes overwrites)")
        else:
            _write(file)
            console.say(f"  {name}: written")
    if not command.options.dry_run:
        console.say(f"\n{_next_step(result)}")
    return ExitCode.OK


def recognised(channel: RecognisedChannel) -> str:
    """Return a clause that says what was recognised at a path."""
    if channel.publication is None or channel.delivery is None:
        return f"no format recognised: the server {channel.obstacle}"
    form = "JSON" if channel.delivery.is_json else "binary messages" if channel.delivery.is_binary else "text"
    where = f", the text in {'.'.join(channel.delivery.keys)}" if channel.delivery.is_json else ""
    who = {"EVERYONE": "everyone gets it", "OTHERS": "the others get it", "PUBLISHER": "it comes back, as an echo"}
    reply = ", and its publisher an answer of its own" if channel.reply is not None else ""
    return f"{form}{where}; {who[channel.audience.name]}{reply}"


def _is_wanted(name: Path) -> bool:
    """Ask whether a file may be overwritten. No, if nobody can be asked."""
    if not sys.stdin.isatty():
        return False
    return input(f"  {name} is there, with another text. Overwrite it? [y/N] ").strip().lower() in ("y", "yes")


def _write(file: PlannedFile) -> None:
    os.makedirs(file.path.parent, exist_ok=True)
    file.path.write_text(file.text, encoding="utf-8")


def _next_step(result: InitResult) -> str:
    if any(channel.obstacle.startswith("refuses") for channel in result.channels):
        return "The server may want a login: try `wsproof init` with --token, --header, --subprotocol or --origin."
    if all(channel.publication is not None for channel in result.channels):
        return "Now: wsproof check   (and pytest). Look into wsproof_channels.py: it promises what was seen."
    return (
        "Now: wsproof check   checks the protocol. For your messages, describe them in a class of a few lines: "
        "see `Describe your own channels` in wsproof's documentation."
    )
