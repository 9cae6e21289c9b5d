"""A small WebSocket echo server: correct at `/`, and with the fault NAME at `/NAME`.

It shares no code with the harness, and prints its port when it listens:

    python -m tests.faulty.server [--port N]

The application is an echo. With `/NAME?app=KIND` it is one that accepts only some messages.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import codecs
import contextlib
import hashlib
import json
import os
import re
import struct
import sys
import time
import unicodedata
from collections.abc import Coroutine
from typing import Any

from tests.faulty.applications import KINDS, UNSOLICITED, Answer, Application, Close, Drop, Http, Later, Say, Tick

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TOKEN = rf"{_TCHAR}+"
_PARAM = rf'{_TOKEN}(\s*=\s*({_TOKEN}|"(\\?{_TCHAR})+"))?'
_EXTENSION = rf"{_TOKEN}(\s*;\s*{_PARAM})*"
_HOST = re.compile(r"[^\s@/:]+(:[0-9]*)?")
_EXTENSIONS = re.compile(rf"\s*{_EXTENSION}(\s*,\s*{_EXTENSION})*\s*")
_SHORT_LIMIT = 65_536


class Refusal(Exception):
    """Refuses the handshake with this status and these header lines."""

    def __init__(self, status: str, *lines: str) -> None:
        self.status, self.lines = status, lines


class Failure(Exception):
    """Fails the connection with this close code."""

    def __init__(self, code: int) -> None:
        self.code = code


PINGS_PER_READ = 60
"""Maximum number of pings per read that `ping-limit` answers."""
_FOREVER: set[asyncio.Event] = set()


def block_forever() -> None:
    """Block the event loop for ever: the port stays open, and no client is served any more."""
    while True:
        time.sleep(3600)


async def wait_forever() -> None:
    """Wait until the process ends. The event is kept, because an unreferenced task would be collected."""
    never = asyncio.Event()
    _FOREVER.add(never)
    await never.wait()


class Dropped(Exception):
    """Raised when the application ends TCP without a close frame."""


class Connection:
    """One client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.buffer = bytearray()
        self.fault = ""
        self.opcode = 0
        self.parts: list[bytes] = []
        self.left = _SHORT_LIMIT
        """The remaining size of a message, for control-weighed."""
        self.held_pongs: list[bytes] = []
        self.mask = b"\0\0\0\0"
        self.pinged = False
        self.burst = 0
        self.closing = False
        self.rsv = 0
        self.application: Application | None = None
        self.later: set[asyncio.Task[None]] = set()
        self.app_closed = False

    async def run(self) -> None:
        try:
            await self.shake_hands()
        except Refusal as refusal:
            if self.fault != "refusal-drops":
                lines = [f"HTTP/1.1 {refusal.status}", *refusal.lines, "Content-Length: 0", "Connection: close"]
                if self.fault == "refusal-two-lengths":
                    lines.append("Content-Length: 5")
                if self.fault == "refusal-chunked":
                    lines.append("Transfer-Encoding: chunked")
                self.writer.write("\r\n".join([*lines, "", ""]).encode())
            return
        if self.application is not None:
            for answer in self.application.greeting():
                self.do(answer)
        try:
            while await self.take_frame():
                await self.wait_answers()
        except Dropped:
            return
        except Failure as failure:
            if self.app_closed:
                return
            code = 1000 if self.fault == "wrong-code" else failure.code
            if self.fault == "drops":
                await self.end_tcp()
                return
            if self.fault == "pong-first":
                await self.answer_a_ping()
            self.send(CLOSE, b"" if self.fault == "empty-close" else struct.pack("!H", code))
            if self.fault == "fails-open":
                await wait_forever()

    async def end_tcp(self) -> None:
        """End TCP by FIN, and read remaining client data. Unread data would turn the FIN into a reset."""
        self.writer.write_eof()
        while await self.reader.read(65536):
            pass

    # The handshake.

    async def more(self) -> None:
        data = await self.reader.read(65536)
        if not data:
            if self.fault == "half-open":
                await wait_forever()
            raise EOFError
        self.buffer += data

    async def shake_hands(self) -> None:
        while b"\r\n\r\n" not in self.buffer:
            had = bool(self.buffer)
            if had and self.fault == "handshake-one-read":
                raise Refusal("400 Bad Request")
            await self.more()
            target = re.match(rb"[A-Za-z]+ /([a-z0-9-]*)(?:\?app=([a-z0-9-]+))?", self.buffer)
            self.fault = target[1].decode() if target else self.fault
            kind = (target[2] or b"").decode() if target else ""
            self.application = Application(kind) if kind in KINDS | UNSOLICITED else None
            if self.fault == "handshake-one-read" and b"\r\n\r\n" not in self.buffer:
                raise Refusal("400 Bad Request")
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        self.drop_unusual_request(head, lines)
        method, _, http = first.split(" ")
        unusual = {
            "empty-header": any(line.endswith((":", ": ")) for line in lines),
            "long-header": any(len(line) > 1024 for line in lines),
            "colons": any(line.count(":") > 2 for line in lines),
        }
        if unusual.get(self.fault):
            raise Refusal("400 Bad Request")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name = name if self.fault == "header-name-case" else name.lower()
            headers.setdefault(name, []).append(value.lstrip() if self.fault == "key-untrimmed" else value.strip())
        if self.fault == "header-name-case":
            canonical = ("Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
            headers = {name.lower(): values for name, values in headers.items() if name in canonical}
        self.check_request(method, http, headers, len(lines))
        await self.skip_body(headers)
        if self.application is not None and self.application.refuses_handshake():
            raise Refusal("429 Too Many Requests")
        self.accept(headers)

    def drop_unusual_request(self, head: bytes, lines: list[str]) -> None:
        """Drop the connection on an unusual request that the other faults answer."""
        fault = self.fault
        if (
            (fault == "many-headers" and len(lines) > 1000)
            or (fault == "folding" and any(":" not in line for line in lines))
            or (fault == "ascii-headers" and not head.isascii())
            or (fault == "extension-names" and "Extensions: constructor" in head.decode("latin-1"))
        ):
            raise EOFError
        if fault == "extension-backslashes" and any(line.count('"') == 1 and line.count("\\") > 20 for line in lines):
            block_forever()  # as r'"(?:\\[\x00-\x7f]|[^"])*"' does, whose search takes 2 ** 40 steps

    def check_request(self, method: str, http: str, headers: dict[str, list[str]], count: int) -> None:
        fault = self.fault
        method = method.upper() if fault == "method-case" else method
        if self.fault == "repeated-header-last":
            headers = {name: values[-1:] for name, values in headers.items()}
        upgrade, connection = (",".join(headers.get(name, [])) for name in ("upgrade", "connection"))
        upgrades = [token.strip() for token in (upgrade if fault == "upgrade-case" else upgrade.lower()).split(",")]
        connections = [token.strip() for token in connection.lower().split(",")]
        versions = [value.strip() for value in headers.get("sec-websocket-version", [])]
        has_upgrade = "websocket" in (upgrade.lower() if fault == "upgrade-substring" else upgrades)
        has_connection = "upgrade" in (connection.lower() if fault == "connection-substring" else connections)
        if fault == "connection-exact":
            has_connection = connection.lower() == "upgrade"
        bad = (
            (method != "GET" and fault != "any-method")
            or (http != "HTTP/1.1" and fault != "http-1-0")
            or ("host" not in headers and fault != "no-host")
            or not has_upgrade
            or not has_connection
            or (count > 16 and fault == "few-headers")
        )
        if bad:
            raise Refusal("400 Bad Request")
        hosts = headers.get("host", [])
        if fault not in ("two-hosts", "no-host") and not (len(hosts) == 1 and _HOST.fullmatch(hosts[0])):
            raise Refusal("400 Bad Request")
        if fault == "subprotocol-drops" and any(
            " " in name.strip() or not name.strip()
            for name in ",".join(headers.get("sec-websocket-protocol", ["x"])).split(",")
        ):
            raise EOFError
        if fault == "forbidden":  # not a fault: the endpoint requires authentication
            raise Refusal("403 Forbidden")
        is_version = versions == ["13"] or (fault == "version-prefix" and versions[:1] == ["130"])
        is_version = is_version or (fault == "version-number" and _number("".join(versions)) == 13)
        if not (is_version or fault == "any-version"):
            raise Refusal(
                "426 Upgrade Required", *([] if fault == "version-unnamed" else ["Sec-WebSocket-Version: 13"])
            )
        extensions = ",".join(headers.get("sec-websocket-extensions", []))
        malformed = bool(extensions) and not _EXTENSIONS.fullmatch(extensions) and fault != "extension-grammar"
        if malformed or (extensions and fault == "extension-refused"):
            raise Refusal("400 Bad Request")
        keys = headers.get("sec-websocket-key", [])
        is_key = len(keys) == 1 and _is_key(keys[0].strip())
        if not is_key and (keys or fault != "no-key"):
            raise Refusal("400 Bad Request")

    async def skip_body(self, headers: dict[str, list[str]]) -> None:
        if self.fault == "body-as-frames":
            return
        if "transfer-encoding" in headers:
            raise Refusal("400 Bad Request")
        length = int(headers.get("content-length", ["0"])[0])
        while len(self.buffer) < length:
            await self.more()
        del self.buffer[:length]

    def accept(self, headers: dict[str, list[str]]) -> None:
        key = headers.get("sec-websocket-key", [""])[0]
        key = key.replace("+", " ") if self.fault == "key-plus" else key
        if self.fault == "answers-early" and len(self.buffer) > 6 and self.buffer[0] == 0x89:
            # Not a fault: a client that sends before the 101 cannot expect it to be read.
            size, mask = self.buffer[1] & 127, self.buffer[2:6]
            self.send(PONG, bytes(byte ^ mask[i & 3] for i, byte in enumerate(self.buffer[6 : 6 + size])))
        digest = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {digest}")
        if self.fault == "no-connection":
            lines.remove("Connection: Upgrade")
        if self.fault == "accept-twice":
            lines.append(lines[-1])
        if self.fault == "length-in-101":
            lines.append("Content-Length: 0")
        if self.fault == "subprotocol-unasked":
            lines.append("Sec-WebSocket-Protocol: chat")
        lines += self.subprotocol_lines(headers.get("sec-websocket-protocol", []))
        if self.fault == "date-twice":
            lines += ["Date: Thu, 01 Jan 2026 00:00:00 GMT", "Date: Thu, 01 Jan 2026 00:00:01 GMT"]
        lines += self.extension_lines(",".join(headers.get("sec-websocket-extensions", [])))
        self.writer.write("\r\n".join([*lines, "", ""]).encode())

    def subprotocol_lines(self, offers: list[str]) -> list[str]:
        """Return the subprotocol lines of the 101 response. This server supports two subprotocols."""
        if not self.fault.startswith("subprotocol-") or self.fault == "subprotocol-unasked":
            return []
        if self.fault == "subprotocol-last-line":
            offers = offers[-1:]
        names = [name.strip() for name in ",".join(offers).split(",")]
        if self.fault == "subprotocol-first-only":
            names = names[:1]
        known = [name for name in names if name in ("chat", "superchat")]
        return [f"Sec-WebSocket-Protocol: {known[0]}"] if known else []

    def extension_lines(self, offered: str) -> list[str]:
        """Return the extension lines of the 101 response."""
        unasked = self.fault == "extension-unasked" and not offered
        return ["Sec-WebSocket-Extensions: permessage-deflate"] if unasked else []

    # Frames.

    async def need(self, count: int, part: str = "") -> None:
        """Read until `count` bytes are buffered. A fault named after the part fails instead of waiting for more."""
        if self.fault == "one-frame-per-read" and part == "split-header" and len(self.buffer) >= count:
            await self.more()
        while len(self.buffer) < count:
            if part and part == self.fault and self.buffer:
                raise Failure(1002)
            try:
                await self.more()
            except (EOFError, ConnectionError):
                if self.fault == "crash" and self.buffer:
                    os._exit(3)
                raise

    async def take_frame(self) -> bool:
        fault = self.fault
        await self.need(2, "split-header")
        first, second = self.buffer[0], self.buffer[1]
        fin, rsv, opcode = first >> 7, first >> 4 & 7, first & 15
        masked, length = second >> 7, second & 127
        self.check_head(fin, rsv, opcode, masked, length)
        at = 2
        if length > 125:
            width = 2 if length == 126 else 8
            await self.need(at + 1)
            await self.need(at + width, "split-length" if len(self.buffer) > at else "")
            length = int.from_bytes(self.buffer[at : at + width], "big")
            at += width
            if fault == "minimal-only" and length < (126 if width == 2 else 65_536):
                raise Failure(1002)
            if fault == "length-signed" and 32767 < length < 65536:
                raise Failure(1002)
            if fault == "length-low-bits" and length < 1 << 63:
                length &= 0xFFFF
            if fault == "length-32-bits" and length < 1 << 63:
                length &= 0xFFFFFFFF
        if length >> 63:
            if fault != "top-bit":
                raise Failure(1009 if fault == "top-bit-1009" else 1002)
            length &= (1 << 63) - 1
        if opcode >= 8 and length > 125 and fault != "long-control":
            raise Failure(1002)
        if length > 16_000_000:
            raise Failure(1009)
        if fault == "control-weighed" and length > self.left:
            raise Failure(1009)
        mask = b"\0\0\0\0"
        if masked:
            await self.need(at + 1)
            await self.need(at + 4, "split-mask")
            mask = bytes(self.buffer[at : at + 4])
            at += 4
            if fault == "mask-first" and opcode == 0:
                mask = self.mask
            self.mask = mask if opcode < 8 else self.mask
        if fault == "zero-mask" and not any(mask):
            raise Failure(1002)
        short = len(self.buffer) < at + length
        await self.need(at + length)
        block = 1023 if fault == "mask-restarts" else length + 1
        payload = bytes(byte ^ mask[index % block & 3] for index, byte in enumerate(self.buffer[at : at + length]))
        del self.buffer[: at + length]
        if opcode == CLOSE and short and fault == "split-close":
            return True
        return self.take(fin, opcode, payload)

    async def answer_a_ping(self) -> None:
        """Answer a ping between an invalid frame and the failure of the connection (pong-first)."""
        self.pinged = False
        with contextlib.suppress(Failure):  # the next frame may be invalid, too
            while not self.pinged:
                await self.take_frame()

    def next_opcodes(self) -> list[int]:
        """Return the opcodes of the short frames that are buffered."""
        opcodes, at = [], 0
        while at + 2 <= len(self.buffer) and self.buffer[at + 1] & 127 < 126:
            opcodes.append(self.buffer[at] & 15)
            at += 6 + (self.buffer[at + 1] & 127)
        return opcodes

    def check_head(self, fin: int, rsv: int, opcode: int, masked: int, length: int) -> None:
        fault = self.fault
        ignores_rsv = fault == "rsv" or (fault, opcode >= 8) == ("rsv-control", True)
        ignores_rsv = ignores_rsv or (fault, opcode) == ("rsv-continuation", 0)
        ignores_opcode = fault == "opcodes" or (fault, opcode >= 8) == ("opcode-control", True)
        if (
            (self.is_bad_rsv(rsv, opcode) and not ignores_rsv)
            or (opcode not in (0, TEXT, BINARY, CLOSE, PING, PONG) and not ignores_opcode)
            or (not masked and fault != "unmasked")
            or (opcode >= 8 and not fin and fault != "fragmented-control")
            or (opcode >= 8 and length > 125 and fault != "long-control")
            or (opcode == PING and length == 125 and fault == "ping-125")
        ):
            raise Failure(1002)

    def is_bad_rsv(self, rsv: int, opcode: int) -> bool:
        """Return whether these reserved bits fail the connection. An extension may use some of them."""
        self.rsv = rsv
        return rsv != 0

    def take(self, fin: int, opcode: int, payload: bytes) -> bool:
        if self.app_closed:
            # The application has closed, and waits for the client's close frame.
            return opcode != CLOSE or self.fault == "keeps-tcp"
        if opcode == CLOSE:
            return self.take_close(payload)
        if opcode == PING:
            self.take_ping(payload)
        elif opcode == PONG:
            if self.fault == "pong-kills":
                raise Failure(1002)
            if self.fault == "echoes-pongs":
                self.send(PONG, payload)
        elif opcode in (0, TEXT, BINARY):
            self.take_data(fin, opcode, payload)
        return not self.closing

    def take_ping(self, payload: bytes) -> None:
        self.pinged = True
        if self.fault == "pong-latest" and PING in self.next_opcodes():
            return
        match self.fault:
            case "unasked-pongs":
                self.send(PONG, b"heartbeat")
            case "ping-limit":
                self.burst += 1
                if self.burst > PINGS_PER_READ:
                    self.writer.transport.abort()
                if PING not in self.next_opcodes():
                    self.burst = 0
            case "empty-pong":
                payload = b""
            case "short-pong":
                payload = payload[:124]
            case "text-pong":
                payload = payload.decode(errors="replace").encode()[:125]
            case "ping-resets":
                self.parts = self.parts and [b""]
            case "late-pong" if self.opcode:
                self.held_pongs.append(payload)
                return
        self.send(PING if self.fault == "pings-back" else PONG, payload)

    def take_data(self, fin: int, opcode: int, payload: bytes) -> None:
        fault = self.fault
        if opcode == 0 and not self.opcode:
            if fault != "orphans":
                raise Failure(1002)
            opcode = TEXT
        elif opcode and self.opcode and fault != "nested":
            raise Failure(1002)
        if opcode:
            self.opcode, self.parts = opcode, []
        if fault == "many-fragments" and len(self.parts) > 32:
            raise Failure(1009)
        if fault == "empty-last" and fin and not payload and self.parts:
            return
        self.parts.append(payload)
        self.left = _SHORT_LIMIT if fin else self.left - len(payload)
        if fault == "utf8-per-fragment" and self.opcode == TEXT:
            _check_text(payload)
        if fin or (fault == "two-fragments" and len(self.parts) == 2):
            self.take_message(self.opcode, b"".join(self.parts), len(self.parts))
            self.opcode, self.parts = 0, []

    def take_message(self, opcode: int, data: bytes, fragments: int) -> None:
        fault = self.fault
        if opcode == TEXT:
            self.check_message(data, fragments)
        for pong in self.held_pongs:
            self.send(PONG, pong)
        self.held_pongs.clear()
        if fault == "fragments-1011" and fragments > 1:
            raise Failure(1011)
        if fault.startswith("wants-json") and (opcode == BINARY or not _is_json(data)):
            raise Failure(int(fault.removeprefix("wants-json-")))
        if fault == "bom" and opcode == TEXT:
            data = data.removeprefix(b"\xef\xbb\xbf")
        if fault == "crlf" and opcode == TEXT:
            data = data.replace(b"\r\n", b"\n")
        if fault == "composes" and opcode == TEXT:
            data = unicodedata.normalize("NFC", data.decode()).encode()
        if fault == "fragments-as-text" and fragments > 1 and opcode == BINARY:
            opcode = TEXT
        if fault == "nul" and opcode == TEXT:
            data = data.partition(b"\0")[0]
        if fault == "hurries" and CLOSE in self.next_opcodes():
            return
        if self.application is not None:
            self.do(self.application.take(opcode, data))
        elif data or fault != "empty-message":
            self.send(opcode, data)

    # The application.

    def do(self, answer: Answer) -> None:
        """Carry out the answer of the application."""
        match answer:
            case Say(opcode, data):
                self.send(opcode, data)
            case Close():
                self.send(CLOSE, answer.payload())
                self.app_closed = True
            case Drop(resets):
                if resets:
                    self.writer.transport.abort()
                raise Dropped
            case Http(ends):
                self.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                if ends:
                    raise Dropped
                self.app_closed = True
            case Later(seconds, delayed):
                self.do_later(self.after(seconds, delayed))
            case Tick(seconds, repeated):
                self.do_later(self.tick(seconds, repeated))

    def do_later(self, action: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(action)
        self.later.add(task)
        task.add_done_callback(self.later.discard)

    async def after(self, seconds: float, answer: Close | Say) -> None:
        await asyncio.sleep(seconds)
        if not self.app_closed:
            self.do(answer)

    async def tick(self, seconds: float, message: Say) -> None:
        while not (self.app_closed or self.closing or self.writer.is_closing()):
            self.do(message)
            await asyncio.sleep(seconds)

    async def wait_answers(self) -> None:
        """Wait for a slow echo. If the application closes later, continue to read meanwhile."""
        if self.application is not None and self.application.name == "slow" and self.later:
            await asyncio.wait(set(self.later))

    def check_message(self, data: bytes, fragments: int) -> None:
        fault = self.fault
        if fault == "utf8" or (fault == "utf8-fragments" and fragments > 1):
            return
        if fault == "utf8-last-fragment":
            data = self.parts[-1]
        if fault == "utf8-overlong":
            data = data.replace(b"\xc0\x80", b"").replace(b"\xe0\x80\x80", b"")
        if fault == "utf8-above":
            data = data.replace(b"\xf4\x90\x80\x80", b"")
        if fault == "utf8-cut":
            data = codecs.getincrementaldecoder("utf-8")().decode(data).encode() if _is_utf8_prefix(data) else data
        if fault == "utf8-wide" and any(byte >= 0xF0 for byte in data):
            raise Failure(1007)
        if fault == "utf8-noncharacters" and b"\xef\xbf\xbe" in data:
            raise Failure(1007)
        _check_text(data, "surrogatepass" if fault == "utf8-surrogates" else "strict")

    # Closing.

    def take_close(self, payload: bytes) -> bool:
        fault = self.fault
        if fault == "close-in-message" and self.opcode:
            return True
        if fault == "close-in-message-1002" and self.opcode:
            raise Failure(1002)
        if fault == "no-close-reply":
            return False
        if len(payload) == 1:
            if fault == "close-one-byte":
                return True
            if fault in ("close-one-byte-empty", "close-one-byte-1000"):
                self.send(CLOSE, b"" if fault == "close-one-byte-empty" else struct.pack("!H", 1000))
                return False
            raise Failure(1002)
        if payload:
            payload = self.close_answer(int.from_bytes(payload[:2], "big"), payload[2:])
        elif fault == "close-1006":
            payload = struct.pack("!H", 1006)
        if fault == "reads-after-close" and self.buffer:
            self.echo_rest()
        if fault == "close-swapped":
            payload = payload[1::-1] + payload[2:]
        self.send(CLOSE, payload)
        if fault == "close-twice":
            self.send(CLOSE, payload)
        if fault == "data-after-close":
            self.send(TEXT, b"goodbye")
        if fault == "keeps-tcp":
            self.closing = False
            return True
        return False

    def close_answer(self, code: int, reason: bytes) -> bytes:
        fault = self.fault
        if fault == "close-private" and code >= 3000:
            raise Failure(1002)
        legal = (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999
        if not legal and fault == "close-illegal-empty":
            return b""
        if not legal and fault == "close-illegal":
            code = 1000
        elif not legal and fault != "close-echoes-all":
            raise Failure(1002)
        if fault == "close-long-reason" and len(reason) > 120:
            raise Failure(1002)
        if fault != "close-reason":
            _check_text(reason)
        echoed = reason if fault == "close-reason" else reason[:10] if fault == "close-reason-cut" else b""
        return struct.pack("!H", code) + echoed

    def echo_rest(self) -> None:
        """Answer one short frame after the close frame (reads-after-close)."""
        length = self.buffer[1] & 127
        mask, data = self.buffer[2:6], self.buffer[6 : 6 + length]
        if self.buffer[0] & 15 == TEXT:
            self.send(TEXT, bytes(byte ^ mask[index & 3] for index, byte in enumerate(data)))

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        seven_bits = 126 if self.fault == "length-126" else 125
        sixteen_bits = 65534 if self.fault == "length-65535" else 65535
        bit = 0x80 if self.fault == "masks" else 0
        if size <= seven_bits:
            head = struct.pack("!BB", 0x80 | opcode, bit | size)
        elif size <= sixteen_bits:
            head = struct.pack("!BBH", 0x80 | opcode, bit | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, size)
        self.writer.write(head + (b"\0\0\0\0" if bit else b"") + payload)


def _check_text(data: bytes, errors: str = "strict") -> None:
    try:
        data.decode("utf-8", errors)
    except UnicodeDecodeError:
        raise Failure(1007) from None


def _is_utf8_prefix(data: bytes) -> bool:
    """Return whether the data is a prefix of valid UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        return False


async def serve(port: int, kind: type[Connection] = Connection) -> None:
    """Listen until killed."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = kind(reader, writer)
        with contextlib.suppress(EOFError, ConnectionError):
            await connection.run()
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def main(about: str | None, kind: type[Connection] = Connection) -> None:
    """Serve at the port that the command line names."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--port", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().port, kind))


if __name__ == "__main__":
    main(__doc__)
