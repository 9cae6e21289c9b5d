"""The echo of the `tutorial` channels: `T` is answered `Message received: T`, to the one who said it."""

from __future__ import annotations

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import open_envelope
from wsproof.workloads.base import Reading, Word, Workload
from wsproof.workloads.sealed import undamaged

ANSWER = "Message received: "


class Echo(Workload):
    """Each text comes back to its publisher, once, in order, with words in front."""

    name = "echo"
    title = "Echo: `T` is answered `Message received: T`"
    any_text = True

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.PUBLISHER, order=Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return "/ws"

    def read(self, member: int, message: str | bytes) -> Reading:
        if isinstance(message, bytes) or not message.startswith(ANSWER):
            return Reading(Word.STRANGE, text=str(message))
        opened = undamaged(open_envelope(message.encode(errors="surrogatepass")), len(ANSWER))
        return Reading(Word.DELIVERY, opened, text=message[len(ANSWER) :])
