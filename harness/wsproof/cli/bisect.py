"""`wsproof bisect`: find the first commit that made a server worse."""

from __future__ import annotations

from wsproof.cli.console import TerminalConsole
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.model.bisection import Bisection
from wsproof.model.comparison import Comparison
from wsproof.report.formats.markdown import comparison_markdown
from wsproof.report.formats.terminal import show_comparison
from wsproof.report.text.bisection import bisection_sentence
from wsproof.report.text.comparison import comparison_sentence
from wsproof.session.bisect import bisect
from wsproof.session.options import BisectOptions


class BisectConsole(TerminalConsole):
    """Prints one line for each comparison. Only that of the result is printed in full, at the end."""

    def compared(self, comparison: Comparison) -> None:
        """Print the verdict of one step."""
        self.say(comparison_sentence(comparison), "dim")


def run_command(command: ParsedCommand[BisectOptions]) -> ExitCode:
    """Search, print the first bad commit with its comparison, and write the requested copies."""
    console = BisectConsole(command.outputs)
    result = bisect(command.options, console=console, began=command.began)
    if result.comparison is not None:
        show_comparison(console.rich, result.comparison, all_known=command.outputs.all)
        command.outputs.write_markdown(lambda: markdown(result))
    command.outputs.write_json(result.to_json())
    console.say(f"\n{bisection_sentence(result)}", "bold")
    return exit_code(result)


def markdown(result: Bisection) -> str:
    """The result in one line, and the comparison of the first bad commit."""
    assert result.comparison is not None
    return f"**{bisection_sentence(result)}**\n\n{comparison_markdown(result.comparison)}"


def exit_code(result: Bisection) -> ExitCode:
    """FAILED if a commit made it worse and is known, OK if none did, else CANNOT_TELL."""
    if result.is_undecided:
        return ExitCode.CANNOT_TELL
    return ExitCode.FAILED if result.first_bad is not None else ExitCode.OK
