"""The channel file that `wsproof init` writes: a class for each channel that was recognised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from wsproof.session.message_shape import MessageShape
from wsproof.session.recognition import Publication, RecognisedChannel, filled_path

INDENT = "    "
_IMPORTED = ("Audience", "Contract", "MessageKind", "Parsed", "Workload", "open_envelope")
_TAKEN = (*_IMPORTED, "None", "True", "False")
"""Names that no class of the file may have."""


def channel_file(channels: Iterable[RecognisedChannel]) -> str:
    """The text of the module with one workload for each channel."""
    recognised = list(channels)
    classes = {name.capitalize(): each for name, each in zip(channel_names(recognised), recognised, strict=True)}
    has_json = any(_speaks_json(each) for each in recognised)
    lines = [
        '"""How wsproof speaks to the channels of this app. Written by `wsproof init`: check the contracts."""',
        "",
        *(["import json", ""] if has_json else []),
        f"from wsproof import {', '.join(_IMPORTED)}",
    ]
    for name, channel in classes.items():
        lines += ["", "", *_class(name, channel)]
    lines += ["", "", f"WORKLOADS = [{', '.join(classes)}]", ""]
    return "\n".join(lines)


def channel_names(channels: Iterable[RecognisedChannel]) -> list[str]:
    """The names of the workloads, without duplicates: the name of the path, with a number from 2 on if it is taken."""
    names: list[str] = []
    for channel in channels:
        name = channel_name(channel)
        free = (name, *(f"{name}{number}" for number in range(2, len(names) + 3)))
        names.append(next(each for each in free if each not in names and each.capitalize() not in _TAKEN))
    return names


def channel_name(channel: RecognisedChannel) -> str:
    """The name that the path suggests: its last word that is not a parameter, else `chat`."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", filled_path(channel.path, "")) if word]
    words = [word for word in words if word.lower() not in ("ws", "websocket", "socket")] or ["chat"]
    name = words[-1].lower()
    return name if name[0].isalpha() else f"channel{name}"


def _speaks_json(channel: RecognisedChannel) -> bool:
    shapes = (channel.delivery, channel.reply)
    publishes = channel.publication is not None and channel.publication.fields is not None
    return publishes or any(shape is not None and shape.is_json for shape in shapes)


def _class(name: str, channel: RecognisedChannel) -> Iterator[str]:
    yield f"class {name}(Workload):"
    workload = name.lower()
    replies = ", replies=True" if channel.reply is not None else ""
    yield f"{INDENT}name = {workload!r}".replace("'", '"')
    yield f'{INDENT}title = "{channel.path}, as wsproof init saw it"'
    yield f'{INDENT}contract = Contract("{workload}", Audience.{channel.audience.name}{replies})'
    yield ""
    yield f"{INDENT}def path(self, member):"
    yield f"{INDENT * 2}return {_path(channel)}"
    if channel.publication is not None and (channel.publication.fields is not None or channel.publication.is_binary):
        yield ""
        yield f"{INDENT}def publish(self, member, envelope, body):"
        yield f"{INDENT * 2}return {_published(channel.publication)}"
    yield ""
    yield f"{INDENT}def read(self, member, message):"
    for line in _read(channel):
        yield INDENT * 2 + line


def _path(channel: RecognisedChannel) -> str:
    text = filled_path(channel.path, "{self.name_of(member)}" if channel.is_of_member else "1")
    return f'f"{text}"' if "{" in text else f'"{text}"'


def _published(publication: Publication) -> str:
    if publication.is_binary:
        return "envelope.seal_bytes(body.encode())"
    fields = "".join(f'"{key}": "{value}", ' for key, value in (publication.fields or {}).items())
    return f'json.dumps({{{fields}"{publication.key}": envelope.seal(body)}})'


def _read(channel: RecognisedChannel) -> Iterator[str]:
    delivery = channel.delivery
    assert delivery is not None
    other = "IGNORED" if channel.has_other_messages else "UNEXPECTED"
    comment = "  # a greeting, or a notice that somebody joined or left" if channel.has_other_messages else ""
    if delivery.is_binary:
        yield "opened = open_envelope(message)"
        yield "if not isinstance(message, bytes) or opened is None:"
        yield f"    return Parsed(MessageKind.{other}, text=repr(message)){comment}"
        yield 'return Parsed(MessageKind.DELIVERY, opened, text=message[opened.start:].decode(errors="replace"))'
        return
    if not _speaks_json_at(delivery, channel.reply):
        yield "if isinstance(message, bytes):"
        yield "    return Parsed(MessageKind.UNEXPECTED, text=repr(message))"
        if channel.reply is not None:
            yield f"if message.startswith({_quoted(channel.reply.before)}):"
            yield f"    text = message.removeprefix({_quoted(channel.reply.before)})"
            yield "    return Parsed(MessageKind.REPLY, open_envelope(text), text=text)"
        if not delivery.before and not channel.has_other_messages:
            yield "return Parsed(MessageKind.DELIVERY, open_envelope(message), text=message)"
            return
        yield "opened = open_envelope(message)"
        yield "if opened is None:"
        yield f"    return Parsed(MessageKind.{other}, text=message){comment}"
        yield 'text = message.encode()[opened.start :].decode(errors="replace")'
        yield "return Parsed(MessageKind.DELIVERY, opened, text=text)"
        return
    yield "try:"
    yield "    value = json.loads(message)"
    yield "except ValueError:"
    yield "    return Parsed(MessageKind.UNEXPECTED, text=str(message))"
    yield "match value:"
    for kind, shape in (("REPLY", channel.reply), ("DELIVERY", delivery)):
        if shape is not None:
            yield f"    case {_pattern(shape)}:"
            yield f"        return Parsed(MessageKind.{kind}, open_envelope(text), text=text)"
    yield f"return Parsed(MessageKind.{other}, text=str(message)){comment}"


def _speaks_json_at(*shapes: MessageShape | None) -> bool:
    return any(shape is not None and shape.is_json for shape in shapes)


def _pattern(shape: MessageShape) -> str:
    """The pattern of a match statement that finds the text."""
    pattern = "str(text)"
    for key in reversed(shape.keys):
        pattern = f"{{{_quoted(key)}: {pattern}}}"
    if shape.tag is not None and shape.tag[0] != shape.keys[0]:
        pattern = f"{{{_quoted(shape.tag[0])}: {_quoted(shape.tag[1])}, {pattern[1:]}"
    return pattern


def _quoted(text: str) -> str:
    """The text as a Python literal. A JSON string is one."""
    return json.dumps(text, ensure_ascii=False)
