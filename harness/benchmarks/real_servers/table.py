"""The corpus: one line per server and way of using it."""

from __future__ import annotations

from benchmarks.real_servers.server import RealServer, asgi, debian, node, python

UVICORN = (
    "{bin}/python",
    "-m",
    "uvicorn",
    "{app}",
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
    "--log-level",
    "warning",
)
HYPERCORN = ("{bin}/hypercorn", "--bind", "127.0.0.1:{port}", "{app}")
GRANIAN = ("{bin}/granian", "--host", "127.0.0.1", "--port", "{port}", "--interface")
DAPHNE = ("{bin}/daphne", "-b", "127.0.0.1", "-p", "{port}", "-v", "0", "{app}")
SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
BROADCAST = "broadcast"
KERNEL = "11111111-2222-3333-4444-555555555555"
BOKEH_TOKEN = "eyJzZXNzaW9uX2lkIjogImNvcnB1cyIsICJzZXNzaW9uX2V4cGlyeSI6IDQxMDI0NDQ4MDB9"
"""The session "corpus", which expires in 2100, in base64: bokeh takes it from the second subprotocol."""

SERVERS: tuple[RealServer, ...] = (
    node("ws, echo", "ws_echo", "ws"),
    node("ws, permessage-deflate", "ws_deflate", "ws"),
    node("ws, broadcast", "ws_broadcast", "ws", channels=BROADCAST),
    node("ws, login and heartbeat", "ws_login", "ws", path="/live"),
    node("express-ws", "express_ws", "express-ws", "ws", path="/echo"),
    node("socket.io", "socket_io_chat", "socket.io", "engine.io", path=SOCKET_IO, channels="socket_io"),
    node("sockjs, raw", "sockjs_echo", "sockjs", "faye-websocket", path="/echo/websocket"),
    node("sockjs, framed", "sockjs_echo", "sockjs", "faye-websocket", path="/echo/000/corpus00/websocket"),
    node("faye-websocket", "faye_echo", "faye-websocket", "websocket-driver"),
    node("websocket", "websocket_echo", "websocket", options=("--subprotocol", "echo-protocol")),
    node("@fastify/websocket", "fastify_hi", "@fastify/websocket", "ws"),
    RealServer(
        "y-websocket",
        "npm",
        ("y-websocket",),
        ("node", "{bin}/node_modules/y-websocket/bin/server.cjs"),
        path="/room",
        env={"HOST": "127.0.0.1", "PORT": "{port}"},
    ),
    python("tornado", "classic", "tornado_echo", "tornado", path="/websocket"),
    python("aiohttp", "classic", "aiohttp_answer", "aiohttp", path="/ws"),
    python("sanic", "sanic", "sanic_feed", "sanic", "websockets", path="/feed"),
    python("websockets", "classic", "websockets_echo", "websockets"),
    python("websockets, counter", "classic", "websockets_counter", "websockets"),
    python("websockets, threads", "classic", "websockets_sync", "websockets"),
    python("picows", "classic", "picows_echo", "picows"),
    python("picows, websockets API", "classic", "picows_websockets", "picows"),
    python("trio-websocket", "classic", "trio_websocket_echo", "trio-websocket", "wsproto"),
    python("websocket-server", "classic", "websocket_server_hey", "websocket-server"),
    python("ws4py", "classic", "ws4py_echo", "ws4py"),
    python("Flask-Sock", "classic", "flask_sock_echo", "flask-sock", "simple-websocket", path="/echo"),
    python("gevent-websocket", "gevent", "gevent_websocket_echo", "gevent-websocket", "gevent"),
    python("autobahn, Twisted", "autobahn", "autobahn_twisted_echo", "autobahn", "twisted"),
    python("autobahn, asyncio", "autobahn", "autobahn_asyncio_echo", "autobahn"),
    python("robyn", "robyn", "robyn_echo", "robyn", path="/web_socket"),
    asgi("granian, ASGI", "asgi_echo", (*GRANIAN, "asgi", "{app}"), "granian"),
    asgi("granian, RSGI", "rsgi_echo", (*GRANIAN, "rsgi", "{app}"), "granian"),
    asgi(
        "uvicorn, FastAPI chat",
        "fastapi_chat",
        UVICORN,
        "uvicorn",
        "websockets",
        "fastapi",
        path="/ws/1",
        channels="tutorial_chat",
    ),
    asgi("uvicorn, wsproto", "asgi_echo", (*UVICORN, "--ws", "wsproto"), "uvicorn", "wsproto"),
    asgi("uvicorn, websockets-sansio", "asgi_echo", (*UVICORN, "--ws", "websockets-sansio"), "uvicorn", "websockets"),
    asgi("hypercorn", "asgi_echo", HYPERCORN, "hypercorn", "wsproto"),
    asgi("daphne", "asgi_echo", DAPHNE, "daphne", "autobahn"),
    asgi("django channels", "channels_chat", DAPHNE, "channels", "daphne", "django", path="/ws/chat/lobby/"),
    asgi("litestar", "litestar_listener", UVICORN, "litestar", "uvicorn", "websockets"),
    asgi("quart", "quart_echo", HYPERCORN, "quart", "hypercorn", path="/ws"),
    asgi(
        "python-socketio", "socketio_chat", UVICORN, "python-socketio", "uvicorn", path=SOCKET_IO, channels="socket_io"
    ),
    debian(
        "mosquitto",
        "mosquitto",
        ("mosquitto", "-c", "{config}"),
        "mosquitto.conf",
        path="/mqtt",
        options=("--subprotocol", "mqtt"),
        channels="mqtt",
    ),
    debian(
        "nginx with nchan",
        "libnginx-mod-nchan",
        ("nginx", "-c", "{config}"),
        "nchan.conf",
        also=("nginx",),
        path="/ps/room",
        channels="nchan",
    ),
    debian(
        "prosody",
        "prosody",
        ("prosody", "--config", "{config}", "-F"),
        "prosody.cfg.lua",
        path="/xmpp-websocket",
        options=("--subprotocol", "xmpp", "--header", "Host: localhost"),
    ),
    python(
        "jupyter_server",
        "jupyter",
        "jupyter_kernel",
        "jupyter_server",
        "tornado",
        arguments=("{folder}",),
        path=f"/api/kernels/{KERNEL}/channels",
        channels="jupyter",
        options=("--header", "Authorization: token corpus-of-real-servers"),
    ),
    RealServer(
        "streamlit",
        "streamlit",
        ("streamlit",),
        (
            "{bin}/streamlit",
            "run",
            "{programs}/python/streamlit_hello.py",
            "--server.address",
            "127.0.0.1",
            "--server.port",
            "{port}",
            "--server.headless",
            "true",
            "--browser.gatherUsageStats",
            "false",
        ),
        path="/_stcore/stream",
    ),
    python(
        "nicegui",
        "nicegui",
        "nicegui_hello",
        "nicegui",
        "uvicorn",
        "python-socketio",
        path="/_nicegui_ws/socket.io/?EIO=4&transport=websocket",
    ),
    RealServer(
        "bokeh",
        "bokeh",
        ("bokeh", "tornado"),
        ("{bin}/bokeh", "serve", "{programs}/python/bokeh_slider.py", "--address", "127.0.0.1", "--port", "{port}"),
        path="/bokeh_slider/ws",
        options=("--subprotocol", "bokeh", "--subprotocol", BOKEH_TOKEN),
    ),
    debian("nginx before ws", "nginx", ("nginx", "-c", "{config}"), "nginx.conf", behind="ws, echo"),
    debian("haproxy before ws", "haproxy", ("haproxy", "-f", "{config}"), "haproxy.cfg", behind="ws, echo"),
    debian(
        "caddy before ws",
        "caddy",
        ("caddy", "run", "--config", "{config}", "--adapter", "caddyfile"),
        "Caddyfile",
        behind="ws, echo",
    ),
    debian(
        "nginx before uvicorn", "nginx", ("nginx", "-c", "{config}"), "nginx.conf", behind="uvicorn, websockets-sansio"
    ),
)
