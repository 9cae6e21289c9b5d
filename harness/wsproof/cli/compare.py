"""`wsproof compare`: measure two git refs in turn, or show two stored runs side by side."""

from __future__ import annotations

from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of_comparison
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.model.comparison import Comparison
from wsproof.report.formats.github import comparison_annotations
from wsproof.report.formats.markdown import comparison_markdown
from wsproof.report.formats.terminal import show_comparison
from wsproof.session.compare import compare
from wsproof.session.options import CompareOptions


class CompareConsole(TerminalConsole):
    """Prints the comparison and writes the requested copies, even if it ended early."""

    def compared(self, comparison: Comparison) -> None:
        """Print the comparison and write the copies."""
        show_comparison(self.rich, comparison, all_known=self.outputs.all)
        self.outputs.write_accepted(comparison.findings)
        self.outputs.write_json(comparison.to_json())
        self.outputs.write_markdown(lambda: comparison_markdown(comparison))
        self.outputs.write_annotations(lambda workspace: comparison_annotations(comparison, workspace))


def run_command(command: ParsedCommand[CompareOptions]) -> ExitCode:
    """Compare base and candidate, print the verdict, and keep the comparison."""
    comparison = compare(command.options, console=CompareConsole(command.outputs), began=command.began)
    return exit_code_of_comparison(comparison.verdict)
