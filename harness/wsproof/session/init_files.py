"""The files that `wsproof init` writes into a project, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsproof.session.channel_file import channel_file, channel_names
from wsproof.session.options import InitOptions
from wsproof.session.project_file import NAME, read_project_file
from wsproof.session.recognition import RecognisedChannel, filled_path

CHANNELS_MODULE = "wsproof_channels"
HEADING = "[tool.wsproof]"


@dataclass(frozen=True)
class PlannedFile:
    """A file to write. `replaces`: the file exists with another text."""

    path: Path
    text: str
    replaces: bool = False


def planned_files(
    folder: Path, target: str, options: InitOptions, channels: Sequence[RecognisedChannel], *, starts: bool
) -> list[PlannedFile]:
    """The files to write for the project in `folder`, except those that exist with the same text.

    `channels` are all channels of the app, with or without a recognised format. `starts`: wsproof starts the server.
    """
    understood = [each for each in channels if each.publication is not None]
    files = {}
    files[NAME] = _project(folder, target, options, has_channels=bool(understood))
    if understood:
        files[f"{CHANNELS_MODULE}.py"] = channel_file(understood)
    tests = "tests/" if (folder / "tests").is_dir() else ""
    files[f"{tests}test_websocket.py"] = _tests(understood, channels)
    if starts:
        files[".github/workflows/wsproof.yml"] = _workflow(folder)
    planned = [_planned(folder / name, text, is_changed=name == NAME) for name, text in files.items()]
    return [each for each in planned if each is not None]


def _planned(path: Path, text: str, *, is_changed: bool) -> PlannedFile | None:
    old = path.read_text(encoding="utf-8") if path.exists() else None
    return None if old == text else PlannedFile(path, text, old is not None and not is_changed)


def _project(folder: Path, target: str, options: InitOptions, *, has_channels: bool) -> str:
    """The text of pyproject.toml with what its table `[tool.wsproof]` lacks. Existing options are not changed."""
    path = folder / NAME
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    common = read_project_file(folder).common
    if common.get("target", target) != target:
        return old
    values = _values(target, options, has_channels=has_channels)
    lines = [f"{key} = {value}" for key, value in values.items() if key.replace("-", "_") not in common]
    if HEADING in old.splitlines():
        return old.replace(f"{HEADING}\n", "\n".join([HEADING, *lines, ""]), 1)
    return "\n".join([*([old.rstrip("\n"), ""] if old else []), HEADING, *lines, *_notes(options), ""])


def _values(target: str, options: InitOptions, *, has_channels: bool) -> dict[str, str]:
    """The options of the table, as TOML."""
    values = {
        "target": target,
        "channels": CHANNELS_MODULE if has_channels else options.channels,
        "server": options.server if options.server != "auto" else None,
        "path": options.path,
        "ready": options.ready,
        "server-hint": options.server_hint,
        "token": "$WS_TOKEN" if options.token is not None else None,
    }
    texts = {key: _quoted(value) for key, value in values.items() if value is not None}
    lists = {"subprotocol": options.subprotocol, "settings": options.settings}
    return texts | {key: f"[{', '.join(map(_quoted, each))}]" for key, each in lists.items() if each}


def _notes(options: InitOptions) -> list[str]:
    notes = ['# known-deviations = "deviations.toml"  # `wsproof check --write-accepted deviations.toml` begins one']
    if options.header:
        names = ", ".join(line.partition(":")[0] for line in options.header)
        notes.append(f'# header = ["NAME: $VARIABLE"]  # init was called with: {names}')
    return notes


def _tests(understood: Sequence[RecognisedChannel], channels: Sequence[RecognisedChannel]) -> str:
    lines = ['"""The WebSocket channels of this app. Fixtures: docs/how-to/pytest.md of wsproof."""']
    for name in channel_names(understood):
        lines += [
            "",
            "",
            f"def test_{name}_loses_nothing_when_a_member_leaves(ws_room):",
            f'    room = ws_room(3, workload="{name}")',
            '    room.say(0, "hello")',
            "    room.leave(1)",
            '    room.say(2, "is anybody here?")',
            "    room.assert_delivered()",
        ]
    for number, channel in enumerate(each for each in channels if each.publication is None):
        path = filled_path(channel.path, "1")
        lines += [
            "",
            "",
            f"def test_a_client_is_served_{number + 1}(ws_client):",
            f'    client = ws_client("{path}")',
            "    client.ping()",
        ]
    return "\n".join([*lines, ""])


def _workflow(folder: Path) -> str:
    project = folder / NAME
    is_package = project.exists() and "[project]" in project.read_text(encoding="utf-8")
    install = "." if is_package else "-r requirements.txt"
    return f"""\
name: wsproof
on: [push, pull_request]
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: python -m pip install {install} wsproof
      - run: wsproof check --github --junit wsproof.xml --markdown wsproof.md
      - if: always()
        run: cat wsproof.md >> "$GITHUB_STEP_SUMMARY"
"""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
