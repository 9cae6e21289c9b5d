"""Judges a shutdown of a server by what the members of a channel received."""

from __future__ import annotations

from wsproof.model.contract import Contract
from wsproof.model.disturbance import SeenEnd, ShutdownRecord
from wsproof.model.finding import Anomaly, Finding, Level

RIGHT_CODES = {1001: "going away", 1012: "service restart"}
"""Close codes that tell a client that it may connect again (RFC 6455 7.4.1 and the IANA registry)."""
TOLERATED = {1000, 1013}
"""Other close codes that do not blame the client. They do not say that the server restarts."""
OF_APPLICATIONS = range(3000, 5000)
"""Close codes whose meaning frameworks and applications define."""


def judge_shutdown(record: ShutdownRecord, contract: Contract) -> list[Finding]:
    """The findings about a shutdown. A broken recommendation is not a violation."""
    checks = (_silent_ends, _wrong_codes, _losses, _slow_exit)
    return [finding for check in checks for finding in check(record, contract)]


def _silent_ends(record: ShutdownRecord, contract: Contract) -> list[Finding]:
    reading = [end for end in record.ends if end.is_reading]
    silent = [end for end in reading if end.has_ended and end.close_code is None]
    if not silent:
        return []
    explanation = (
        f"The server was asked to end (SIGTERM), and {len(silent)} of {len(reading)} members received no close frame: "
        "their TCP connections just ended. A client cannot tell such a restart from a broken network. Send a close "
        "frame with 1001 or 1012 to every client first."
    )
    return [_finding("shutdown-close", contract, Anomaly.UNCLEAN_CLOSE, Level.NON_STRICT, explanation, silent)]


def _wrong_codes(record: ShutdownRecord, contract: Contract) -> list[Finding]:
    def is_wrong(end: SeenEnd) -> bool:
        code = end.close_code
        return code is not None and not (code in RIGHT_CODES or code in TOLERATED or code in OF_APPLICATIONS)

    wrong = [end for end in record.ends if is_wrong(end)]
    if not wrong:
        return []
    explanation = (
        f"The server was asked to end (SIGTERM), and {len(wrong)} of {len(record.ends)} members received a close frame "
        f"with {wrong[0].close_code}. 1001 (going away) or 1012 (service restart) tells a client that it did nothing "
        "wrong and may connect again."
    )
    return [_finding("shutdown-code", contract, Anomaly.UNCLEAN_CLOSE, Level.NON_STRICT, explanation, wrong)]


def _losses(record: ShutdownRecord, contract: Contract) -> list[Finding]:
    lacking = [end for end in record.ends if end.is_reading and end.missed]
    if not lacking:
        return []
    explanation = (
        f"{len(lacking)} of {len(record.ends)} members never received what was published right before the server was "
        f"asked to end (SIGTERM): {lacking[0].name} lacks {lacking[0].missed} message(s), which their publisher had "
        "received by then. So a deployment loses accepted messages."
    )
    level = Level.VIOLATION if contract.replies else Level.NON_STRICT
    return [_finding("shutdown-loss", contract, Anomaly.LOST, level, explanation, lacking)]


def _slow_exit(record: ShutdownRecord, contract: Contract) -> list[Finding]:
    if record.exit_s is not None:
        return []
    still = [end for end in record.ends if not end.has_ended]
    explanation = (
        f"The server was asked to end (SIGTERM) with {len(record.ends)} clients connected, and its process still runs "
        f"{record.waited_s:.0f} s later; {len(still)} of the connections are still open. Container and service "
        "managers then kill the process, and all unfinished work is lost."
    )
    return [_finding("shutdown-exit", contract, Anomaly.SLOW_SHUTDOWN, Level.NON_STRICT, explanation, still)]


def _finding(
    name: str, contract: Contract, anomaly: Anomaly, level: Level, explanation: str, ends: list[SeenEnd]
) -> Finding:
    lines = tuple(f"{end.name}: {_in_words(end)}" for end in ends[:5])
    return Finding(name, contract.channel, anomaly, level, explanation, lines, occurrences=max(1, len(ends)))


def _in_words(end: SeenEnd) -> str:
    state = "its connection ended" if end.has_ended else "its connection stayed open"
    code = f"with close code {end.close_code}" if end.close_code is not None else "without a close frame"
    missed = f", {end.missed} message(s) missing" if end.missed else ""
    return f"{state} {code}{missed}{'' if end.is_reading else '; it did not read'}"
