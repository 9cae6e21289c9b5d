"""Frames as JSON: payloads in hex, and long repetitive ones as a pattern, to keep recipes readable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from wsproof.wire import Frame, LengthForm

__all__ = ["from_json", "pack", "to_json", "unpack"]

_LONG = 64
_UNITS = (1, 2, 3, 4, 8)
_RUNS = re.compile(rb"(.)\1{255,}", re.DOTALL)


def pack(data: bytes) -> str | dict[str, Any] | list[Any]:
    """Encode bytes as hex, or as `{"repeat": hex, "bytes": n}` if they are long and repeat a short unit.

    If other bytes surround long runs of one byte, as in bombs, the result is a list of such parts.
    """
    if len(data) > _LONG:
        for width in _UNITS:
            unit = data[:width]
            if (unit * (len(data) // width + 1))[: len(data)] == data:
                return {"repeat": unit.hex(), "bytes": len(data)}
        edges = sorted({0, len(data), *(place for run in _RUNS.finditer(data) for place in run.span())})
        if len(edges) > 2:
            return [pack(data[start:end]) for start, end in pairwise(edges)]
    return data.hex()


def unpack(packed: str | Mapping[str, Any] | list[Any]) -> bytes:
    """The inverse of `pack`.

    Raises:
        KeyError, TypeError, ValueError: `packed` has none of the forms.
    """
    if isinstance(packed, str):
        return bytes.fromhex(packed)
    if isinstance(packed, list):
        return b"".join(unpack(part) for part in packed)
    unit, size = bytes.fromhex(packed["repeat"]), int(packed["bytes"])
    return (unit * (size // len(unit) + 1))[:size]


def to_json(frame: Frame) -> dict[str, Any]:
    """A frame without the fields that have their default value."""
    data: dict[str, Any] = {"opcode": int(frame.opcode), "payload": pack(frame.payload)}
    if not frame.fin:
        data["fin"] = False
    if frame.rsv:
        data["rsv"] = frame.rsv
    data["mask"] = frame.mask.hex() if frame.mask is not None else None
    if frame.length_form is not LengthForm.MINIMAL:
        data["length_form"] = frame.length_form.value
    if frame.declared_length is not None:
        data["declared_length"] = frame.declared_length
    return data


def from_json(data: Mapping[str, Any]) -> Frame:
    """The inverse of `to_json`."""
    mask = data["mask"]
    return Frame(
        opcode=data["opcode"],
        payload=unpack(data["payload"]),
        fin=data.get("fin", True),
        rsv=data.get("rsv", 0),
        mask=bytes.fromhex(mask) if mask is not None else None,
        length_form=LengthForm(data.get("length_form", "minimal")),
        declared_length=data.get("declared_length"),
    )
