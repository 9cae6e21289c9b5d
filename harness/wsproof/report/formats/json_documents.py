"""The JSON Schemas of the published documents. The classes in `model/` make the documents."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.schemas import (
    BENCHES_SCHEMA,
    BISECT_SCHEMA,
    CHECK_SCHEMA,
    COMPARE_SCHEMA,
    MATRIX_SCHEMA,
    OLD_RUN_SCHEMA,
    RUN_SCHEMA,
)

SCHEMAS = {
    RUN_SCHEMA: "wsproof.run.2.json",
    CHECK_SCHEMA: "wsproof.check.1.json",
    COMPARE_SCHEMA: "wsproof.compare.1.json",
    BISECT_SCHEMA: "wsproof.bisect.1.json",
    MATRIX_SCHEMA: "wsproof.matrix.1.json",
    BENCHES_SCHEMA: "wsproof.benches.2.json",
    OLD_RUN_SCHEMA: "wsproof.run.1.json",
}
"""The file of each schema, by the name in a document's `schema` field."""


def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document, by the name in its `schema` field: "wsproof.run/2".

    Raises:
        UsageError: there is no such schema.
    """
    if name not in SCHEMAS:
        raise UsageError(f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}")
    text = files("wsproof.report").joinpath("schemas", SCHEMAS[name]).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
