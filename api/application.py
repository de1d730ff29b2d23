"""The FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from mcp.server.transport_security import TransportSecuritySettings
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from api import event_routes, health_routes, picture_routes, product_routes, search_routes
from api.access import Access
from api.bodies import BodyLimits
from api.catalog_tools import PATH, ROUTE, make_server
from api.disconnects import Disconnects
from api.observer import HEADER, Observer, start_log
from api.problems import add_handlers
from api.processes import end_with_supervisor
from api.schema import set_schema
from api.service import Service
from api.settings import Settings
from events.settings import Settings as Log
from search.shop import Shop, open_shop


def create() -> FastAPI:
    """The application of a server's process: the shop and the settings of the environment."""
    start_log()
    end_with_supervisor()
    return make_application(open_shop(log=Log.read().enabled), Settings.read())


def make_application(shop: Shop, settings: Settings) -> FastAPI:
    """The application over an open shop, which it closes when it ends."""

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        with Service(shop, settings) as service:
            app.state.service = service
            await service.threads.run(service.readiness)  # begins to load the model
            async with tools.session_manager.run():
                yield

    tools = make_server(lambda: app.state.service)
    # FastAPI's own pages of documentation load scripts from a third party.
    app = FastAPI(
        lifespan=run,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    for module in (search_routes, event_routes, product_routes, picture_routes):
        app.include_router(module.router, prefix="/v1")
    app.include_router(health_routes.router)
    # Each request stands alone, so that any process can answer it; `Access` checks the host.
    for route in tools.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    ).routes:
        assert isinstance(route, Route)  # noqa: S101 - for the type checker
        route.methods = {"POST"}  # a GET would open a stream on which nothing is ever sent
        route.endpoint.__name__ = ROUTE
        app.router.routes.append(route)
    app.add_middleware(BodyLimits)
    app.add_middleware(Disconnects, prefix="/v1/")
    app.add_middleware(Access, settings=settings)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", HEADER],
            expose_headers=["Retry-After", HEADER],
        )
    app.add_middleware(Observer)
    add_handlers(app)
    set_schema(app, with_keys=bool(settings.keys))
    return app
