"""The messages that a typed channel accepts, and the errors for all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError

from target_app.messages import CONTROL_IN, ErrorCode, ErrorMessage, Message


@dataclass(frozen=True, slots=True)
class Dialect:
    """The messages of one typed channel in both directions, beside the control messages."""

    incoming: tuple[type[Message], ...]
    outgoing: tuple[type[Message], ...]
    from_binary: Callable[[bytes], Message | ErrorMessage] | None = None
    """Parses a binary frame. None: the channel accepts text only."""
    adapter: TypeAdapter[Any] = field(init=False)

    def __post_init__(self) -> None:
        every: Any = Union[self.incoming + CONTROL_IN]  # noqa: UP007 - made at run time
        object.__setattr__(self, "adapter", TypeAdapter(Annotated[every, Field(discriminator="type")]))

    def parse(self, raw: str | bytes) -> Message | ErrorMessage:
        """Return the message, or the error to answer. Raises nothing for client input."""
        if isinstance(raw, bytes) and self.from_binary is not None:
            return self.from_binary(raw)
        understood: Message | ErrorMessage = parse(self.adapter, raw)
        return understood


def parse(adapter: TypeAdapter[Any], raw: str | bytes) -> Any:
    """Return the validated message, or an ErrorMessage that names the first wrong field."""
    try:
        return adapter.validate_json(raw)
    except ValidationError as invalid:
        return _explain(invalid)


def _explain(invalid: ValidationError) -> ErrorMessage:
    # Leave out inputs and URLs: an error must not repeat a value that may be long, hostile or secret.
    first = invalid.errors(include_url=False, include_input=False)[0]
    kind, where = first["type"], first["loc"]
    if kind == "json_invalid":
        return ErrorMessage(code=ErrorCode.NOT_JSON, text="The message is not valid JSON.")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return ErrorMessage(code=ErrorCode.UNKNOWN_TYPE, field="type", text="`type` has to name a known message.")
    if not where:
        return ErrorMessage(code=ErrorCode.INVALID, text="The message has to be a JSON object.")
    # Skip the first part, which is the message type. Truncate keys, which the client may have chosen.
    name = ".".join(str(part)[:64] for part in where[1:][:8])
    return ErrorMessage(code=ErrorCode.INVALID, field=name or None, text=_sentence(first["msg"]))


def _sentence(text: str) -> str:
    return text[:200].rstrip(".") + "."
