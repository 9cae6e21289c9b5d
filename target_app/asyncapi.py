"""`/asyncapi.json`: the messages of all channels (AsyncAPI 3.0), from the models that validate the traffic.

The document describes each WebSocket route of the application. If the module of a channel has a `DIALECT`, each message
is described. The tutorial's channels have plain texts, which the docstrings of their modules describe.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.routing import iter_route_contexts
from pydantic.json_schema import models_json_schema
from starlette.routing import WebSocketRoute

from target_app.close_reasons import CLOSE_CODES
from target_app.dialect import Dialect
from target_app.messages import CONTROL_IN, CONTROL_OUT, PROTOCOL, Message
from target_app.services import Services
from target_app.web import page

BARE = "BareText"

router = APIRouter()

Json = dict[str, Any]


def document(app: FastAPI, host: str, *, secure: bool = False) -> Json:
    """Describe `app` for clients that reach it at `host` (name and port)."""
    channels, operations, models = {}, {}, dict[str, type[Message]]()
    received = set[str]()
    for path, dialect, text in _channels(app):
        name = _name(path)
        incoming, outgoing = _models(dialect)
        models |= {_key(model): model for model in (*incoming, *outgoing)}
        received |= {_key(model) for model in incoming}
        channels[name] = _channel(path, text, [*incoming, *outgoing])
        for action, sent in (("receive", incoming), ("send", outgoing)):
            operations[f"{name}.{action}"] = _operation(action, name, sent)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": app.title, "version": app.version, "description": _about()},
        "defaultContentType": "application/json",
        "servers": {"this": {"host": host, "protocol": "wss" if secure else "ws"}},
        "channels": channels,
        "operations": operations,
        "components": _components(models, received),
    }


def _channels(app: FastAPI) -> Iterator[tuple[str, Dialect | None, str]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, WebSocketRoute):
            module = sys.modules[route.endpoint.__module__]
            yield str(context.path), getattr(module, "DIALECT", None), inspect.getdoc(module) or ""


def _models(dialect: Dialect | None) -> tuple[Sequence[type[Message]], Sequence[type[Message]]]:
    """Return the models of all messages in both directions; none for a channel without a dialect."""
    if dialect is None:
        return (), ()
    return (*dialect.incoming, *CONTROL_IN), (*dialect.outgoing, *CONTROL_OUT)


def _name(path: str) -> str:
    return path.strip("/").replace("{", "").replace("}", "").replace("/", "_") or "root"


def _key(model: type[Message]) -> str:
    """Return a unique name. Models of two channels may have the same name, so it includes the module."""
    return f"{model.__module__.rpartition('.')[2]}.{model.__name__}"


def _reference(*where: str) -> Json:
    return {"$ref": "#/" + "/".join(where)}


def _channel(path: str, text: str, models: Sequence[type[Message]]) -> Json:
    keys = [_key(model) for model in models] or [BARE]
    channel: Json = {
        "address": path,
        "title": path,
        "description": text,
        "messages": {key: _reference("components", "messages", key) for key in keys},
        "bindings": {"ws": {"method": "GET", "query": _query(models), "headers": _headers(models)}},
    }
    parameters = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    if parameters:
        channel["parameters"] = {name: {"description": "Any printable name."} for name in parameters}
    return channel


def _query(models: Sequence[type[Message]]) -> Json:
    token = {
        "type": "string",
        "deprecated": True,
        "description": "A token. Deprecated, because servers and proxies log addresses.",
    }
    return {"type": "object", "properties": {"token": token} if models else {}}


def _headers(models: Sequence[type[Message]]) -> Json:
    offered = {"type": "string", "description": f"`{PROTOCOL}, bearer.<token>`, or `{PROTOCOL}` alone."}
    return {"type": "object", "properties": {"Sec-WebSocket-Protocol": offered} if models else {}}


def _operation(action: str, channel: str, models: Sequence[type[Message]]) -> Json:
    """Describe one direction. `action` is what the server does: it receives what a client sends."""
    keys = [_key(model) for model in models] or [BARE]
    return {
        "action": action,
        "channel": _reference("channels", channel),
        "messages": [_reference("channels", channel, "messages", key) for key in keys],
    }


def _components(models: dict[str, type[Message]], received: set[str]) -> Json:
    # Describe incoming messages as they are validated, and outgoing-only messages as they are serialized.
    modes: Any = {model: "validation" if key in received else "serialization" for key, model in models.items()}
    locations, definitions = models_json_schema([*modes.items()], ref_template="#/components/schemas/{model}")
    messages = {
        key: {
            "name": model.model_fields["type"].annotation.__args__[0],  # type: ignore[union-attr]
            "title": model.__name__,
            "description": inspect.getdoc(model) or "",
            "contentType": "application/json",
            "payload": locations[model, modes[model]],
        }
        for key, model in models.items()
    }
    messages[BARE] = {
        "name": "text",
        "title": "A plain text",
        "description": "A text frame. The description of the channel says what it means.",
        "contentType": "text/plain",
        "payload": {"type": "string"},
    }
    return {"messages": messages, "schemas": definitions.get("$defs", {})}


def _about() -> str:
    codes = "\n".join(f"- {code}: {meaning}" for code, meaning in CLOSE_CODES.items())
    return f"The channels of this server. Its close codes, and what a client should do:\n\n{codes}"


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Return the page that shows `/asyncapi.json` and `/openapi.json`."""
    return page(request, "docs")


@router.get("/asyncapi.json")
async def asyncapi(request: Request) -> Json:
    """Return the description of the WebSocket channels for programs. For people there is `/docs`."""
    documents = Services.of(request).shared(_Documents)
    return documents.of(request.app, request.url.netloc, secure=request.url.scheme == "https")


class _Documents:
    """The document, created once, since that takes some milliseconds. Only the host differs between requests."""

    def __init__(self, services: Services) -> None:
        self._made: Json | None = None

    def of(self, app: FastAPI, host: str, *, secure: bool) -> Json:
        if self._made is None:
            self._made = document(app, host, secure=secure)
        return self._made | {"servers": {"this": {"host": host, "protocol": "wss" if secure else "ws"}}}
