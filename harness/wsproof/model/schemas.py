"""Names of the published JSON documents and their versions, as in the field `schema` of each."""

from __future__ import annotations

__all__ = [
    "BENCHES_SCHEMA",
    "BISECT_SCHEMA",
    "CHECK_SCHEMA",
    "COMPARE_SCHEMA",
    "MATRIX_SCHEMA",
    "OLD_RUN_SCHEMA",
    "RUN_SCHEMA",
]

RUN_SCHEMA = "wsproof.run/2"
OLD_RUN_SCHEMA = "wsproof.run/1"
"""Records of this version are still read."""
CHECK_SCHEMA = "wsproof.check/1"
COMPARE_SCHEMA = "wsproof.compare/1"
BISECT_SCHEMA = "wsproof.bisect/1"
BENCHES_SCHEMA = "wsproof.benches/2"
MATRIX_SCHEMA = "wsproof.matrix/1"
