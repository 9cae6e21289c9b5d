"""The history in a Redis or Valkey server, for workers on several hosts, which cannot share a file.

Each channel is a stream whose ids are the sequence numbers. One script stores an entry, so the numbers have no gaps.
Acknowledged entries are as durable as the server's settings: use `appendonly yes` and `appendfsync always`.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from contextlib import suppress
from typing import Any

from target_app.cluster import redis_inboxes
from target_app.cluster.redis_backplane import FAILURES, connect, shielded
from target_app.history import Body, Entry, HistoryUnavailable, Inboxes, InboxFull, Stored

REMEMBERED_SECONDS = 86_400
"""Seconds for which a repeated client id counts as the same message."""

logger = logging.getLogger("target_app")

APPEND = f"""
local stream, counter, same, epoch = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local new_epoch, entry, at, keep, client_id, remembered, sender, most, most_of_sender = unpack(ARGV)
local first_inbox = 5
redis.call('SET', epoch, new_epoch, 'NX')
local first = client_id ~= '' and redis.call('GET', same)
if first then return {{redis.call('GET', epoch), first, 1}} end
{redis_inboxes.HAVE_ROOM}
local seq = redis.call('INCR', counter)
redis.call('XADD', stream, 'MAXLEN', keep, seq .. '-0', 'entry', entry)
local receipt = seq .. ' ' .. at
if client_id ~= '' then redis.call('SET', same, receipt, 'EX', remembered) end
{redis_inboxes.PUT}
return {{redis.call('GET', epoch), receipt, 0}}
"""


class RedisHistory:
    """A HistoryStore. `name` separates applications that share a server; `keep` is the limit per channel."""

    def __init__(self, url: str, name: str, keep: int) -> None:
        self._url = url
        self._name = name
        self._keep = keep
        self._epoch = ""
        self.failures = 0

    @property
    def epoch(self) -> str:
        return self._epoch

    async def start(self) -> None:
        """Start the store. An unavailable server does not prevent the start, since it may come up later."""
        self._redis = connect(self._url)
        with suppress(HistoryUnavailable):
            await self._read("XRANGE", "", "-", "+", "COUNT", 1)

    async def stop(self) -> None:
        with suppress(*FAILURES):
            await self._redis.aclose()

    async def check(self) -> None:
        await self._ask("SET", self._key("probe"), secrets.token_hex(8))

    async def append(
        self, channel: str, kind: str, sender: str, client_id: str | None, body: Body, inboxes: Inboxes | None = None
    ) -> Stored:
        at = f"{time.time():.6f}"
        entry = json.dumps([float(at), kind, sender, client_id, body], allow_nan=False)
        same = json.dumps([channel, sender, client_id])
        keys = [self._key("entries", channel), self._key("count", channel), self._key("same", same), self._key("epoch")]
        values = [secrets.token_hex(8), entry, at, self._keep, client_id or "", REMEMBERED_SECONDS, sender]
        if inboxes is not None:
            keys += [key for reader in inboxes.readers for key in self._inbox(reader, channel)]
            values += [inboxes.most, inboxes.most_of_sender]
        self._epoch, receipt, duplicate = await self._ask("EVAL", APPEND, len(keys), *keys, *values)
        if not receipt:
            raise InboxFull
        seq, _, stored_at = receipt.partition(" ")
        return Stored(int(seq), self._epoch, float(stored_at), duplicate=bool(duplicate))

    async def acknowledge(self, reader: str, channel: str, seq: int) -> None:
        await self._ask("EVAL", redis_inboxes.ACKNOWLEDGE, 2, *self._inbox(reader, channel), seq)

    async def unread(self, reader: str, channel: str) -> list[Entry]:
        waiting, _ = self._inbox(reader, channel)
        found = await self._ask("HGETALL", waiting)
        return sorted((_entry(seq, {"entry": entry}) for seq, entry in found.items()), key=lambda entry: entry.seq)

    def _inbox(self, reader: str, channel: str) -> list[str]:
        return [self._key(name) for name in redis_inboxes.names(reader, channel)]

    async def since(self, channel: str, seq: int, limit: int) -> list[Entry]:
        return await self._read("XRANGE", channel, f"({seq}-0", "+", "COUNT", limit)

    async def latest(self, channel: str, limit: int) -> list[Entry]:
        return (await self._read("XREVRANGE", channel, "+", "-", "COUNT", limit))[::-1]

    def _key(self, *parts: str) -> str:
        return ":".join((self._name, "history", *parts))

    async def _ask(self, *command: Any) -> Any:
        try:
            return await shielded(self._redis.execute_command(*command))  # type: ignore[no-untyped-call]
        except FAILURES as failed:
            self.failures += 1
            logger.error("the history cannot be read or written: %s", failed or type(failed).__name__)
            raise HistoryUnavailable(f"the history in the Redis server: {failed}") from failed

    async def _read(self, command: str, channel: str, *arguments: str | int) -> list[Entry]:
        new_epoch = secrets.token_hex(8)
        await self._ask("SET", self._key("epoch"), new_epoch, "NX")
        self._epoch = await self._ask("GET", self._key("epoch"))
        found = await self._ask(command, self._key("entries", channel), *arguments)
        return [_entry(number, fields) for number, fields in found]


def _entry(number: str, fields: dict[str, str]) -> Entry:
    at, kind, sender, client_id, body = json.loads(fields["entry"])
    return Entry(int(number.partition("-")[0]), at, kind, sender, client_id, body)
