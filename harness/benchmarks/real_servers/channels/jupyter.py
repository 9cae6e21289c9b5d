"""The channels of a Jupyter kernel: all clients see on iopub what one client executes."""

from __future__ import annotations

import json

from benchmarks.real_servers.table import KERNEL
from wsproof import Audience, Contract, Envelope, MessageKind, Order, Parsed, Workload, open_envelope

ASIDES = {"status", "execute_input", "execute_reply", "kernel_info_reply", "iopub_welcome"}


class Jupyter(Workload):
    name = "jupyter"
    title = "Jupyter kernel channels: what one executes, all see on iopub"

    @property
    def contract(self) -> Contract:
        return Contract("jupyter", Audience.EVERYONE, Order.TOTAL)

    def path(self, member: int) -> str:
        return f"/api/kernels/{KERNEL}/channels?session_id={self.name_of(member)}"

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        data = {"text/plain": envelope.seal(body)}
        name = f"{envelope.publisher}-{envelope.sequence}-{envelope.intended_ns}"
        header = {
            "msg_id": name,
            "msg_type": "execute_request",
            "username": "corpus",
            "session": self.name_of(member),
            "date": "",
            "version": "5.3",
        }
        content = {
            "code": f"from IPython.display import display; display({data!r}, raw=True)",
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return json.dumps(
            {
                "channel": "shell",
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "buffers": [],
            }
        )

    def read(self, member: int, message: str | bytes) -> Parsed:
        try:
            match json.loads(message):
                case {"msg_type": "display_data", "content": {"data": {"text/plain": str(said)}}}:
                    return Parsed(MessageKind.DELIVERY, open_envelope(said), text=said)
                case {"msg_type": str(kind)} if kind in ASIDES:
                    return Parsed(MessageKind.IGNORED)
        except ValueError:
            return Parsed(MessageKind.UNEXPECTED, text=str(message)[:300])
        return Parsed(MessageKind.UNEXPECTED, text=str(message)[:300])


WORKLOADS = [Jupyter]
