"""Opcodes and close codes: the number spaces of RFC 6455 (5.2 and 7.4) and their IANA registries."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CONTROL_OPCODES", "DATA_OPCODES", "CloseCode", "Opcode", "is_close_code_sendable", "opcode_name"]


class Opcode(IntEnum):
    """The defined frame types (RFC 6455 5.2); 3-7 and 11-15 are reserved."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


DATA_OPCODES = frozenset({Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY})
CONTROL_OPCODES = frozenset({Opcode.CLOSE, Opcode.PING, Opcode.PONG})


class CloseCode(IntEnum):
    """The registered close codes (RFC 6455 7.4.1, and IANA for 1012-1014)."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    RESERVED = 1004
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_PAYLOAD = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


# 1004 has no meaning yet. 1005, 1006 and 1015 describe a missing close frame, so no frame may carry them (7.4.1).
_NEVER_IN_A_FRAME = frozenset({1004, 1005, 1006, 1015})


def is_close_code_sendable(code: int) -> bool:
    """Whether a close frame may carry `code`.

    RFC 6455 7.4 allows the registered codes except those for local use, and 3000-4999 for libraries and applications.
    """
    return (1000 <= code <= 1014 and code not in _NEVER_IN_A_FRAME) or 3000 <= code <= 4999


def opcode_name(opcode: int) -> str:
    """Return the name of an opcode: `TEXT`, or `RESERVED-3`."""
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"RESERVED-{opcode}"
