"""How wsproof speaks to the channels of this app. Written by `wsproof init`: check the contracts."""

import json

from wsproof import Audience, Contract, MessageKind, Parsed, Workload, open_envelope


class Rooms(Workload):
    name = "rooms"
    title = "/rooms/{room}, as wsproof init saw it"
    contract = Contract("rooms", Audience.OTHERS)

    def path(self, member):
        return "/rooms/1"

    def publish(self, member, envelope, body):
        return json.dumps({"type": "message", "text": envelope.seal(body)})

    def read(self, member, message):
        try:
            value = json.loads(message)
        except ValueError:
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
        match value:
            case {"type": "message", "text": str(text)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(text), text=text)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


WORKLOADS = [Rooms]
