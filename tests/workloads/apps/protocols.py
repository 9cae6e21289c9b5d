"""Small faithful servers in plain ASGI: graphql-transport-ws (`/graphql`), MQTT 3.1.1 with QoS 0 and 1 (`/mqtt`),
Phoenix channels (`/socket/websocket`), Action Cable (`/cable`), SignalR (`/chat`), STOMP (`/ws`), JSON-RPC (`/`) and
Centrifugo (`/connection/websocket`). SignalR and Centrifugo put several messages into one frame.

Correct except for the planted fault that FAULT names. `forgets`: every fifth publication does not reach the first
subscriber; `leaks`: topics are not told apart; `refuses`: the subscription is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Deliver = Callable[[bytes], Awaitable[None]]

PING = {"type": 6}
"""SignalR's ping."""

tasks: set[asyncio.Task[None]] = set()
subscribers: list[tuple[str, Deliver]] = []
count = 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    mine: list[tuple[str, Deliver]] = []
    serve = SERVERS.get(scope["path"], phoenix)
    if serve is cable:
        await send({"type": "websocket.send", "text": '{"type": "welcome"}'})
    try:
        while (message := await receive())["type"] == "websocket.receive":
            code = await serve(message, send, mine)
            if code is not None:
                await send({"type": "websocket.close", "code": code})
                break
    except (ValueError, KeyError, IndexError, AttributeError):
        await send({"type": "websocket.close", "code": 4400})
    finally:
        for each in mine:
            subscribers.remove(each)


async def publish(topic: str, payload: bytes) -> None:
    global count
    count += 1
    for number, (subscribed, deliver) in enumerate(list(subscribers)):
        is_missed = FAULT == "forgets" and count % 5 == 0 and number == 0
        if (subscribed == topic or FAULT == "leaks") and not is_missed:
            try:
                await deliver(payload)
            except Exception:  # noqa: BLE001, S112 - whatever the server raises for a peer that has gone
                continue


async def graphql(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle a message of graphql-transport-ws. Returns the code to close with, or None."""

    async def send_json(kind: str, **more: Any) -> None:
        await send({"type": "websocket.send", "text": json.dumps({"type": kind, **more})})

    async def deliver(payload: bytes) -> None:
        await send_json("next", id="1", payload={"data": {"said": payload.decode()}})

    request = json.loads(message.get("text") or "")
    match request["type"]:
        case "connection_init" if FAULT == "refuses":
            return 4403
        case "connection_init":
            await send_json("connection_ack")
            await send_json("ping")
        case "subscribe" if "mutation" in request["payload"]["query"]:
            await publish("", request["payload"]["variables"]["text"].encode())
            await send_json("next", id=request["id"], payload={"data": {"say": True}})
            await send_json("complete", id=request["id"])
        case "subscribe":
            mine.append(("", deliver))
            subscribers.append(mine[-1])
    return None


async def phoenix(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle a message of Phoenix's serializer 2.0.0."""

    async def deliver(payload: bytes) -> None:
        await send({"type": "websocket.send", "text": payload.decode()})

    join_ref, ref, topic, event, payload = json.loads(message.get("text") or "")
    status = "error" if FAULT == "refuses" else "ok"
    if event == "phx_join" and status == "ok":
        mine.append((topic, deliver))
        subscribers.append(mine[-1])
    elif event == "new_msg":
        await publish(topic, json.dumps([None, None, topic, event, {"body": payload["body"]}]).encode())
    reply = [join_ref, ref, topic, "phx_reply", {"status": status, "response": {}}]
    await deliver(json.dumps(reply).encode())
    return None


async def mqtt(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle a control packet. Returns the code to close with, or None."""

    async def put(*data: bytes) -> None:
        await send({"type": "websocket.send", "bytes": b"".join(data)})

    async def deliver(packet: bytes) -> None:
        await put(packet)

    packet = message["bytes"]
    start = next(at for at in range(1, 5) if packet[at] < 128) + 1
    kind, body = packet[0] >> 4, packet[start:]
    if kind == 1:
        await put(b"\x20\x02\x00\x00")
    elif kind == 8:
        topic = body[4 : 4 + int.from_bytes(body[2:4], "big")].decode()
        if FAULT != "refuses":
            mine.append((topic, deliver))
            subscribers.append(mine[-1])
        await put(b"\x90\x03", body[:2], b"\x80" if FAULT == "refuses" else body[-1:])
    elif kind == 3:
        length = int.from_bytes(body[:2], "big")
        await publish(body[2 : 2 + length].decode(), packet)
        if packet[0] & 6:
            await put(b"\x40\x02", body[2 + length : 4 + length])
    elif kind == 12:
        await put(b"\xd0\x00")
    return None


async def cable(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle a command of Action Cable."""

    async def send_json(**fields: Any) -> None:
        await send({"type": "websocket.send", "text": json.dumps(fields)})

    async def deliver(payload: bytes) -> None:
        await send_json(identifier=identifier, message={"said": payload.decode()})

    command = json.loads(message.get("text") or "")
    identifier = command["identifier"]
    if command["command"] == "subscribe":
        if FAULT != "refuses":
            mine.append((identifier, deliver))
            subscribers.append(mine[-1])
        await send_json(
            identifier=identifier, type="reject_subscription" if FAULT == "refuses" else "confirm_subscription"
        )
        await send_json(type="ping", message=1)
    elif command["command"] == "message":
        await publish(identifier, json.loads(command["data"])["text"].encode())
    return None


async def signalr(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle the records of a message of SignalR's JSON protocol."""

    async def send_json(*records: Any) -> None:
        await send({"type": "websocket.send", "text": "".join(json.dumps(record) + "\x1e" for record in records)})

    async def deliver(payload: bytes) -> None:
        invocation = {"type": 1, "target": "ReceiveMessage", "arguments": ["somebody", payload.decode()]}
        await send_json(PING, invocation, {"type": 1, "target": "Other", "arguments": []})

    for record in (message.get("text") or "").split("\x1e")[:-1]:
        match json.loads(record):
            case {"protocol": "json"} if FAULT == "refuses":
                await send_json({"error": "no such protocol"})
                return 1000
            case {"protocol": "json"}:
                await send_json({}, PING)
                mine.append(("", deliver))
                subscribers.append(mine[-1])
            case {"type": 1, "target": "SendMessage", "arguments": [str(text)]}:
                await publish("", text.encode())
    return None


async def centrifugo(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle the commands of a message of Centrifugo's JSON protocol."""

    async def send_json(*lines: Any) -> None:
        await send({"type": "websocket.send", "text": "\n".join(map(json.dumps, lines))})

    for line in (message.get("text") or "").split("\n"):
        match json.loads(line):
            case {"id": number, "connect": _}:
                await send_json({"id": number, "connect": {"client": "x", "ping": 25, "pong": True}}, {})
            case {"id": number, "subscribe": _} if FAULT == "refuses":
                await send_json({"id": number, "error": {"code": 103, "message": "permission denied"}})
            case {"id": number, "subscribe": {"channel": channel}}:
                mine.append((channel, Batch(channel, send_json).put))
                subscribers.append(mine[-1])
                await send_json({"id": number, "subscribe": {}})
            case {"id": number, "publish": {"channel": channel, "data": data}}:
                await send_json({"id": number, "publish": {}})
                await publish(channel, json.dumps(data).encode())
    return None


class Batch:
    """The pushes to one subscriber. Those within 10 ms share a frame."""

    def __init__(self, channel: str, send_json: Callable[..., Awaitable[None]]) -> None:
        self.channel = channel
        self.send_json = send_json
        self.waiting: list[Any] = []

    async def put(self, payload: bytes) -> None:
        self.waiting.append({"push": {"channel": self.channel, "pub": {"data": json.loads(payload)}}})
        if len(self.waiting) == 1:
            tasks.add(task := asyncio.create_task(self.flush()))
            task.add_done_callback(tasks.discard)

    async def flush(self) -> None:
        await asyncio.sleep(0.01)
        waiting, self.waiting = self.waiting, []
        with contextlib.suppress(Exception):  # whatever the server raises for a peer that has gone
            await self.send_json(*waiting)


async def stomp(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle a frame of STOMP 1.2."""

    async def send_frame(command: str, *headers: str, body: bytes = b"") -> None:
        head = "\n".join([command, *headers, "", ""]).encode()
        await send({"type": "websocket.send", "text": (head + body + b"\0").decode()})

    async def deliver(payload: bytes) -> None:
        length = f"content-length:{len(payload)}"
        await send_frame("MESSAGE", "subscription:0", "message-id:1", "destination:x", length, body=payload)

    data = (message.get("text") or "").encode()
    if data == b"\n":
        return None
    head, _, frame_body = data.partition(b"\n\n")
    command, *lines = head.decode().split("\n")
    headers = dict(line.split(":", 1) for line in lines)
    if command == "CONNECT":
        await (send_frame("ERROR", "message:no") if FAULT == "refuses" else send_frame("CONNECTED", "version:1.2"))
    elif command == "SUBSCRIBE":
        mine.append((headers["destination"], deliver))
        subscribers.append(mine[-1])
        await send_frame("RECEIPT", f"receipt-id:{headers['receipt']}")
    elif command == "SEND":
        await publish(headers["destination"], frame_body[: int(headers["content-length"])])
    return None


async def json_rpc(message: Message, send: Send, mine: list[tuple[str, Deliver]]) -> int | None:
    """Handle a request of JSON-RPC 2.0."""

    async def send_json(**fields: Any) -> None:
        await send({"type": "websocket.send", "text": json.dumps({"jsonrpc": "2.0", **fields})})

    async def deliver(payload: bytes) -> None:
        await send_json(method="message", params={"text": payload.decode()})

    request = json.loads(message.get("text") or "")
    topic = request["params"]["topic"]
    if FAULT == "refuses":
        await send_json(id=request["id"], error={"code": -32000, "message": "no"})
        return None
    if request["method"] == "subscribe":
        mine.append((topic, deliver))
        subscribers.append(mine[-1])
    else:
        await publish(topic, request["params"]["text"].encode())
    await send_json(id=request["id"], result=True)
    return None


SERVERS = {
    "/mqtt": mqtt,
    "/graphql": graphql,
    "/cable": cable,
    "/chat": signalr,
    "/ws": stomp,
    "/": json_rpc,
    "/connection/websocket": centrifugo,
}
