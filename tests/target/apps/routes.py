"""Apps with WebSocket routes in all places where routes can be defined."""

from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


class Wrapped:
    """Typical middleware, which keeps the inner app in `self.app`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


router = APIRouter(prefix="/rooms")
router.add_api_websocket_route("/lobby", talk)
outer = APIRouter(prefix="/v1")
outer.include_router(router)

included = FastAPI()
included.include_router(outer)

mounted = Starlette(
    routes=[
        Route("/page", lambda request: None),
        Mount("/inner", routes=[WebSocketRoute("/socket", talk)]),
    ]
)

several = FastAPI()
several.add_api_websocket_route("/ws", talk)
several.add_api_websocket_route("/ws/{client_id}", talk)
several.mount("/sub", included)

parametrised = FastAPI()
parametrised.add_api_websocket_route("/ws/{client_id}", talk)

without = FastAPI()

wrapped = Wrapped(included)
print("an app may print while it is imported")  # noqa: T201

number = 42


def create_app() -> FastAPI:
    return FastAPI()


def wsgi(environ: dict[str, str], start_response: object) -> list[bytes]:
    return []


opaque = FastAPI()
opaque.mount("/socket.io", Wrapped(wrapped).__call__)

own_middleware = FastAPI()
own_middleware.add_middleware(Wrapped)
