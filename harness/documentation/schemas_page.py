"""The page of the JSON documents, with a table for each schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from documentation.markdown_table import code, markdown_table, plain
from wsproof.report.formats.json_documents import SCHEMAS, load_schema

INTRODUCTION = """\
# JSON documents

`--json FILE` writes a document. Its field `schema` names its schema and the version of the schema.

"""


def schemas_page() -> str:
    """Every published document: its schema as a file, and its fields."""
    return INTRODUCTION + "\n".join(_section(name, file) for name, file in SCHEMAS.items())


def schema_files() -> dict[str, str]:
    """The text of each schema by its path in the site."""
    return {
        f"reference/schemas/{file}": json.dumps(load_schema(name), indent=2, ensure_ascii=False) + "\n"
        for name, file in SCHEMAS.items()
    }


def _section(name: str, file: str) -> str:
    schema = load_schema(name)
    required = set(schema.get("required", ()))
    rows = [
        [code(field), plain(_type(value)), "yes" if field in required else "no", plain(value.get("description", ""))]
        for field, value in schema["properties"].items()
    ]
    table = markdown_table(["field", "type", "always there", "meaning"], rows)
    return f"## {name}\n\n{plain(schema['title'])}: [{file}](schemas/{file})\n\n{table}"


def _type(value: Mapping[str, Any]) -> str:
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if value.get("type") == "array" and isinstance(value.get("items"), Mapping):
        return f"array of {_type(value['items'])}"
    alternatives = value.get("anyOf") or value.get("oneOf") or value.get("allOf")
    if alternatives:
        return " or ".join(dict.fromkeys(map(_type, alternatives)))
    kind = value.get("type", "any")
    return kind if isinstance(kind, str) else " or ".join(kind)
