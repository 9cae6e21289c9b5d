"""A page for each command, and one that lists them."""

from __future__ import annotations

from dataclasses import dataclass

from documentation.markdown_table import code, markdown_table, plain
from wsproof.cli.outputs import Outputs
from wsproof.cli.parser import VERBS, Verb
from wsproof.session.option import Option, options_in
from wsproof.session.options import GROUP_NOTES

INTRODUCTION = """\
# Commands

`wsproof VERB --help` prints the same on the terminal. All commands share the [exit codes](../exit-codes.md). Options
can be in the project's pyproject.toml as well: those of all commands in `[tool.wsproof]`, and those of one command in
a table such as `[tool.wsproof.check]`.

"""
FOLDER = "reference/commands"


@dataclass(frozen=True)
class NamedOption:
    """An option of a command, with the name of its field."""

    name: str
    option: Option

    @property
    def heading(self) -> str:
        """The heading below which the help lists it."""
        return self.option.group or ("arguments" if self.option.positional else "options")

    @property
    def row(self) -> list[str]:
        """Its row in the table of a command."""
        flags, keywords = self.option.arguments(self.name)
        value = self.option.metavar or ("|".join(self.option.choices or ()) or ("" if self._is_switch else "VALUE"))
        names = (
            [value or self.name.upper()] if self.option.positional else [f"{flag} {value}".strip() for flag in flags]
        )
        again = "; may be given several times" if self.option.repeats else ""
        return ["<br>".join(map(code, names)), plain(keywords["help"].replace("%%", "%")) + again]

    @property
    def _is_switch(self) -> bool:
        return isinstance(self.option.default, bool)


def commands_pages() -> dict[str, str]:
    """The text of each page by its path in the site, the list first."""
    rows = [[f"[wsproof {name}]({name}.md)", plain(verb.help)] for name, verb in VERBS.items()]
    pages = {f"{FOLDER}/index.md": INTRODUCTION + markdown_table(["command", "what it does"], rows)}
    return pages | {f"{FOLDER}/{name}.md": _page(name, verb) for name, verb in VERBS.items()}


def _page(name: str, verb: Verb) -> str:
    outputs = options_in(Outputs)
    options = [NamedOption(key, option) for key, option in options_in(verb.options).items()]
    options += [NamedOption(key, outputs[key]) for key in verb.outputs]
    headings = sorted({option.heading for option in options}, key=_order)
    lines = [f"# wsproof {name}\n", f"{_sentence(verb.help)}\n"]
    if verb.epilog:
        lines.append(f"{plain(verb.epilog)}\n")
    for heading in headings:
        lines.append(f"## {heading.capitalize()}\n")
        if heading in GROUP_NOTES:
            lines.append(f"{GROUP_NOTES[heading]}\n")
        lines.append(markdown_table(["option", "meaning"], [each.row for each in options if each.heading == heading]))
    return "\n".join(lines)


def _order(heading: str) -> tuple[int, str]:
    first = ("arguments", "options")
    return (first.index(heading) if heading in first else len(first), heading)


def _sentence(text: str) -> str:
    return f"{plain(text[:1].upper() + text[1:])}."
