"""Flask-Sock: the echo of its README on Flask's development server."""

from __future__ import annotations

import sys

from flask import Flask
from flask_sock import Server, Sock

app = Flask(__name__)
sock = Sock(app)


@sock.route("/echo")
def echo(ws: Server) -> None:
    while True:
        ws.send(ws.receive())


app.run(host="127.0.0.1", port=int(sys.argv[1]))
