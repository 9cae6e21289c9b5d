"""Converts run records of older versions to the current one, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wsproof.model.schemas import OLD_RUN_SCHEMA, RUN_SCHEMA

__all__ = ["upgraded"]


def upgraded(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record of wsproof.run/1 as one of the current version. Any other document is returned as it is."""
    return _from_first_version(data) if data.get("schema") == OLD_RUN_SCHEMA else data


def _from_first_version(data: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the parts into fields, and keep a finding once that was in the check and in the record."""
    parts: Mapping[str, Any] = data["parts"]
    check = parts.get("check") or None
    log = parts.get("server_log")
    return {name: value for name, value in data.items() if name != "parts"} | {
        "schema": RUN_SCHEMA,
        "findings": _findings_once(data["findings"], check["findings"] if check else ()),
        "check": check,
        "objectives": [_objective(row) for row in parts.get("objectives", ())],
        "generator": _generator(parts["generator"]) if parts.get("generator") else None,
        "measured_again": parts.get("measured_again"),
        "mix": parts.get("mix"),
        "series": parts.get("series"),
        "load": _load(parts["load"]) if parts.get("load") else None,
        "capacity": _capacity(parts["capacity"]) if parts.get("capacity") else None,
        "server_log": log["file"] if log else None,
    }


def _findings_once(findings: Iterable[Any], checked: Iterable[Any]) -> list[dict[str, Any]]:
    """Separate the findings of the check from those of the measurement, which the old record held together."""
    checked = list(checked)
    identities = [_identity(row) for row in checked]
    rest = [row for row in findings if _identity(row) not in identities]
    return [*(row | {"part": "check"} for row in checked), *(row | {"part": "measurement"} for row in rest)]


def _identity(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return finding["check"], finding["section"], finding["explanation"], finding["witness"]


def _objective(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "objective": row["objective"],
        "met": row.get("met"),
        "value": row.get("value"),
        "sentence": row.get("said") or "",
    }


def _generator(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "processes": part["processes"],
        "chosen": part["chosen"],
        "cores": part.get("cores", []),
        "loop": part.get("loop"),
        "deflated": part.get("deflated"),
    }


def _load(part: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade the part of a load. The findings of its rooms are dropped, because the record has them, too."""
    rooms = [
        {
            "workload": room.get("workload", "room"),
            "users": room.get("users", 0),
            "rate_hz": room.get("rate_hz"),
            "published": room.get("published", 0),
            "verdict": room.get("verdict", "unknown"),
            "metrics": room.get("metrics") or {},
            "warnings": room.get("warnings", []),
        }
        for room in part.get("rooms", ())
    ]
    return {"rooms": rooms, "requests": part.get("requests", 0), "failures": part.get("failures", 0)}


def _capacity(part: Mapping[str, Any]) -> dict[str, Any]:
    names = ("over", "ending", "knee", "confidence", "met", "ceiling", "objectives", "search", "plan")
    return {name: part[name] for name in names} | {"runs": part["trials"]}
