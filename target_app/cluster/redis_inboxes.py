"""Inboxes in Redis: for each reader, a hash of the waiting entries, and a hash of their number by sender."""

from __future__ import annotations

import json

HAVE_ROOM = """
for index = first_inbox, #KEYS, 2 do
    local of_sender = tonumber(redis.call('HGET', KEYS[index + 1], sender) or 0)
    if redis.call('HLEN', KEYS[index]) >= tonumber(most) or of_sender >= tonumber(most_of_sender) then
        return {redis.call('GET', epoch), '', 0}
    end
end
"""
"""The part of the script that refuses an entry, with an empty receipt, if an inbox is full."""

PUT = """
for index = first_inbox, #KEYS, 2 do
    redis.call('HSET', KEYS[index], seq, entry)
    redis.call('HINCRBY', KEYS[index + 1], sender, 1)
end
"""
ACKNOWLEDGE = """
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if entry then
    redis.call('HDEL', KEYS[1], ARGV[1])
    local sender = cjson.decode(entry)[3]
    if redis.call('HINCRBY', KEYS[2], sender, -1) <= 0 then redis.call('HDEL', KEYS[2], sender) end
end
return 0
"""


def names(reader: str, channel: str) -> tuple[str, str]:
    """Return the names of the two hashes for a reader's waiting entries in a channel."""
    return json.dumps(["unread", reader, channel]), json.dumps(["unread of senders", reader, channel])
