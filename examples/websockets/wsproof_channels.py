"""The relay, as `wsproof init` has written it."""

from wsproof import Audience, Contract, MessageKind, Parsed, Workload, open_envelope


class Chat(Workload):
    name = "chat"
    title = "/, as wsproof init saw it"
    contract = Contract("chat", Audience.EVERYONE)

    def path(self, member):
        return "/"

    def read(self, member, message):
        if isinstance(message, bytes):
            return Parsed(MessageKind.UNEXPECTED, text=repr(message))
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=message)


WORKLOADS = [Chat]
