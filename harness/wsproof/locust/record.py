"""The run record of a test, which `wsproof report` and `wsproof compare` read, whoever started Locust."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time
from typing import Any

from wsproof.errors import WsproofError
from wsproof.load.files.history import save_history
from wsproof.locust.options import options_of, settings_of
from wsproof.locust.outcome import summary_of
from wsproof.locust.registry import channels_of
from wsproof.locust.session import session_of
from wsproof.net.redact import redact_settings
from wsproof.report.store.runs import RunStore
from wsproof.session.bench import describe_generator
from wsproof.session.console import SILENT
from wsproof.session.load import metrics_of_only_workload, parts_of_only_workload, plan_of_load
from wsproof.session.run_recorder import RunRecorder

logger = logging.getLogger(__name__)


def keep_record(environment: Any) -> None:
    """Write the record of the test that has just been judged. A failure to write is logged, and ends nothing.

    `wsproof load` without a web page keeps the record itself; it needs only the raw samples from here.
    """
    session = session_of(environment)
    if not session.results:
        return
    try:
        if session.handed.summary is not None:
            save_columns(environment, session.handed.columns)
            return
        session.record = _write(environment)
    except (OSError, WsproofError) as error:
        logger.error("wsproof: the record could not be written: %s", error)
        return
    logger.info("wsproof: the record of this test is %s", session.record)


def save_columns(environment: Any, folder: str | Path | None) -> None:
    """Write the raw samples: of a single workload into the folder, of several into folders of their names."""
    if folder is None:
        return
    measured = [result for result in session_of(environment).results if result.measurement is not None]
    for result in measured:
        assert result.measurement is not None
        place = Path(folder) if len(measured) == 1 else Path(folder) / result.load.workload
        place.mkdir(parents=True, exist_ok=True)
        save_history(result.measurement.history, place)


def _write(environment: Any) -> Path:
    session, store = session_of(environment), RunStore.open(options_of(environment, None).record, Path.cwd())
    summary = summary_of(environment)
    findings = [finding for result in session.results for finding in result.findings]
    began_s = session.live.began_s
    with RunRecorder(store, "load", Path.cwd(), SILENT) as log:
        log.began = monotonic() - (time() - began_s)
        target = _target(environment)
        log.change(
            started_utc=datetime.fromtimestamp(began_s, UTC).isoformat(timespec="seconds"),
            target=target,
            load=summary,
            plan=plan_of_load(summary, _seconds(environment)),
            metrics=metrics_of_only_workload(summary),
            verdict=summary.verdict,
            trusted=summary.trusted,
            measured_findings=log.folder.keep_findings(findings, target),
            objectives=tuple(objective.outcome() for objective in session.objectives),
            generator=_generator(environment),
            **parts_of_only_workload(summary),
        )
        save_columns(environment, log.folder.columns)
    return log.folder.path


def _target(environment: Any) -> dict[str, Any]:
    """The description of the target. Of several, the first, with the URLs of the others."""
    session = session_of(environment)
    described = list(session.described.values())
    first = dict(described[0]) if described else {}
    if len(described) > 1:
        first["others"] = [description["url"] for description in described[1:]]
    return {**first, "channels": channels_of(environment), "settings": redact_settings(settings_of(environment))}


def _seconds(environment: Any) -> float:
    """The length of the longest measured window."""
    plans = [result.measurement.plan for result in session_of(environment).results if result.measurement is not None]
    return max((plan.duration_s for plan in plans), default=0.0)


def _generator(environment: Any) -> Any:
    measured = [result.measurement for result in session_of(environment).results if result.measurement is not None]
    return describe_generator(measured[0], chosen=True) if measured else None
