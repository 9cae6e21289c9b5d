"""A check's report as JUnit XML, for the test pages of CI systems: one test case per check."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from wsproof.model.finding import Finding, Verdict, severity
from wsproof.model.server_table import ServerRunState, ServerTable, ServerTableRow
from wsproof.model.suite import SuiteReport
from wsproof.report.text.check import measured
from wsproof.report.text.sanitize import clean, clean_line


def junit_xml(report: SuiteReport) -> str:
    """A check's report as JUnit XML."""
    return _written([_suite(report, "wsproof check")])


def matrix_junit_xml(matrix: ServerTable) -> str:
    """All servers as JUnit XML, one suite each. A server that was not checked has one case with the reason."""
    return _written([_suite_of_row(row) for row in matrix.rows])


def _suite_of_row(row: ServerTableRow) -> Element:
    """The suite of one server."""
    name = clean_line(f"wsproof check {row.server}")
    if row.report is not None:
        return _suite(row.report, name, f"wsproof.{clean_line(row.server)}")
    failed = row.state is ServerRunState.FAILED
    counts = {"tests": "1", "failures": "0", "errors": str(int(failed)), "skipped": str(int(not failed))}
    suite = Element("testsuite", {"name": name, "time": "0.000", **counts})
    case = SubElement(suite, "testcase", name="server", classname=f"wsproof.{clean_line(row.server)}", time="0.000")
    SubElement(case, "error" if failed else "skipped", message=clean_line(row.reason), type=row.state.value)
    return suite


def _written(suites: list[Element]) -> str:
    root = Element("testsuites")
    root.extend(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(report: SuiteReport, name: str, prefix: str = "wsproof") -> Element:
    """One check as a suite.

    A violation is a failure, and with `--strict` also a non-strict finding. A check that cannot tell is an error. Other
    findings are printed with their check and fail nothing. A check whose root cause another check has reported fails as
    well. A finding of a check that did not run gets a case of its own, so that no finding is lost. Checks that were not
    run are skipped, with the reason. Cases with findings come first, most severe first.
    """
    strict = report.strict
    by_check: dict[str, list[Finding]] = {}
    for finding in sorted(report.findings, key=severity):
        by_check.setdefault(finding.check, []).append(finding)
    order = {clean_line(check): place for place, check in enumerate(by_check)}
    suite = Element("testsuite", name=name)
    for run in report.checks_run:
        findings = by_check.pop(run.check, [])
        case = _case(suite, run.check, f"{prefix}.{run.section}", findings, strict, run.seconds)
        if run.verdict is Verdict.UNKNOWN and case.find("failure") is None and case.find("error") is None:
            kind = "crash" if run.traceback else "unknown"
            error = SubElement(case, "error", message=clean_line(run.remark or "this check is undecided"), type=kind)
            error.text = clean(run.traceback) or None
        if run.measured:
            _say(case, clean_line(f"measured: {measured(run)}"))
        if run.verdict is Verdict.INVALID and run.remark and not findings:
            # Another check's finding reports the root cause, but this check has failed as well.
            SubElement(case, "failure", message=clean_line(run.remark), type="violation")
    for check, findings in by_check.items():
        _case(suite, check, f"{prefix}.{findings[0].section}", findings, strict)
    for skipped in report.not_run:
        case = _case(suite, skipped.check, f"{prefix}.{skipped.section}", [], strict)
        SubElement(case, "skipped", message=clean_line(skipped.reason))
    suite[:] = sorted(suite, key=lambda case: order.get(case.get("name", ""), len(order)))
    _count(suite)
    suite.set("time", f"{report.seconds:.3f}")
    return suite


def _count(suite: Element) -> None:
    """Set the suite's numbers of tests, skips, failures and errors."""
    for name, path in (("tests", "*"), ("skipped", "*/skipped"), ("failures", "*/failure"), ("errors", "*/error")):
        suite.set(name, str(len(suite.findall(path))))


def finding_text(finding: Finding) -> str:
    """A finding as plain text: explanation, source, witness, and the command that replays it."""
    lines = [finding.explanation]
    if finding.source:
        lines.append(f"Promised: {finding.source}")
    if finding.reproduced:
        lines.append(f"Reproduced: {finding.reproduced}")
    lines += ["", *(f"  {clean_line(line)}" for line in finding.witness)]
    if finding.server_output:
        lines += ["", "The server wrote:", *(f"  {clean_line(line)}" for line in finding.server_output)]
    if finding.replay:
        lines += ["", f"Replay: {finding.replay}"]
    return clean("\n".join(lines))


def _case(
    suite: Element, check: str, place: str, findings: list[Finding], strict: bool, seconds: float = 0.0
) -> Element:
    """One test case with its findings."""
    case = SubElement(suite, "testcase", name=clean_line(check), classname=clean_line(place), time=f"{seconds:.3f}")
    verdicts = {Verdict.INVALID: "failure", Verdict.UNKNOWN: "error"}
    grave = [finding for finding in findings if finding.verdict(strict=strict) in verdicts]
    if grave:
        kind = verdicts[Verdict.worst(finding.verdict(strict=strict) for finding in grave)]
        body = SubElement(case, kind, message=clean_line(grave[0].explanation), type=grave[0].anomaly.value)
        body.text = "\n\n".join(finding_text(finding) for finding in grave)
    rest = [finding for finding in findings if finding not in grave]
    if rest:
        _say(case, "\n\n".join(_aside(finding) for finding in rest))
    return case


def _say(case: Element, text: str) -> None:
    """Append text to a case's output."""
    output = case.find("system-out")
    if output is None:
        output = SubElement(case, "system-out")
    output.text = f"{output.text}\n\n{text}" if output.text else text


def _aside(finding: Finding) -> str:
    """A finding that fails nothing, with its level or the reason why it is accepted."""
    first = f"accepted: {clean(finding.accepted)}" if finding.accepted is not None else finding.level.value
    return f"[{first}] {finding_text(finding)}"
