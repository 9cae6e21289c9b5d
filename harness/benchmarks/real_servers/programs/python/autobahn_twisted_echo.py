"""autobahn: the echo of its examples on Twisted."""

from __future__ import annotations

import sys

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint


class EchoProtocol(WebSocketServerProtocol):
    """One client."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


factory = WebSocketServerFactory(f"ws://127.0.0.1:{sys.argv[1]}")
factory.protocol = EchoProtocol
TCP4ServerEndpoint(reactor, int(sys.argv[1]), interface="127.0.0.1").listen(factory)
reactor.run()
