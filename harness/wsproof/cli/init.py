"""`wsproof init`: look at an app or a server, and write the files that its project needs for tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wsproof.cli.console import TerminalConsole
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.session.init import InitResult, init
from wsproof.session.init_files import PlannedFile
from wsproof.session.options import InitOptions
from wsproof.session.recognition import RecognisedChannel


def run_command(command: ParsedCommand[InitOptions]) -> ExitCode:
    """Look at the target, print what was recognised, and write the files. Ask before an existing file is replaced."""
    console = TerminalConsole(command.outputs)
    result = init(command.options, console=console)
    for channel in result.channels:
        console.say(f"  {channel.path}: {recognised(channel)}")
    for file in result.files:
        name = file.path.relative_to(Path.cwd())
        if command.options.dry_run:
            console.say(f"\n--- {name}\n{file.text}")
        elif file.replaces and not (command.options.yes or _is_wanted(name)):
            console.say(f"  {name}: not changed (--yes overwrites it)")
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
    who = {
        "EVERYONE": "all members receive it",
        "OTHERS": "the other members receive it",
        "PUBLISHER": "its publisher receives it, as an echo",
    }
    reply = ", and its publisher receives another message" if channel.reply is not None else ""
    return f"{form}{where}; {who[channel.audience.name]}{reply}"


def _is_wanted(name: Path) -> bool:
    """Ask whether a file may be overwritten. False if standard input is no terminal."""
    if not sys.stdin.isatty():
        return False
    return input(f"  {name} exists with another text. Overwrite it? [y/N] ").strip().lower() in ("y", "yes")


def _write(file: PlannedFile) -> None:
    os.makedirs(file.path.parent, exist_ok=True)
    file.path.write_text(file.text, encoding="utf-8")


def _next_step(result: InitResult) -> str:
    if any(channel.obstacle.startswith("refuses") for channel in result.channels):
        return "The server may need a login: try `wsproof init` with --token, --header, --subprotocol or --origin."
    if all(channel.publication is not None for channel in result.channels):
        return "Next: run `wsproof check`, and pytest. Review the contracts in wsproof_channels.py."
    return (
        "Next: `wsproof check` checks the protocol. To check your messages, describe each channel in a small class: "
        "see `Describe your own channels` in the documentation of wsproof."
    )
