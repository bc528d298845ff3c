"""The host's HTTP side: functions with an HTTP trigger, the home page, and the admin API beside them.

Sources: azure-functions-host FunctionInvocationMiddleware.cs, HostAvailabilityCheckMiddleware.cs,
HomepageMiddleware.cs, HttpThrottleMiddleware.cs, ExceptionMiddleware.cs. CORS, HSTS and dynamic throttles are not
there.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence

from aiohttp import web

from functions_host.admin import Admin
from functions_host.functions import Function, Invoker
from functions_host.host_json import HttpOptions
from functions_host.http_messages import request_body, request_datum, request_metadata, response_of
from functions_host.keys import AuthLevel, Keys, presented_key
from functions_host.routes import Match, Refused, Routes, route_functions
from functions_host.timers import Timer

#: FUNCTIONS_REQUEST_BODY_SIZE_LIMIT, where it isn't set.
BODY_LIMIT_BYTES = 104_857_600

_HOME_PAGE = "<!DOCTYPE html><html><body><h1>Your Functions host is up and running</h1></body></html>"
_NOT_RUNNING = "Function host is not running."
_REASON = "This function was programmatically called via the host APIs."
_SHUTDOWN_SECONDS = 10.0
_log = logging.getLogger(__name__)


class TooManyRequestsError(RuntimeError):
    """As many requests are outstanding as host.json allows."""


class FrontEnd:
    """Answers requests. Until ``open`` names the functions they wait, and after ``ready_timeout_seconds`` get 503."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        admin: Admin,
        options: HttpOptions,
        keys: Keys | None = None,
        home_page: bool = True,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        ready_timeout_seconds: float = 30.0,
    ) -> None:
        """Prepare the front end; ``home_page=False`` is ``AzureWebJobsDisableHomepage``."""
        self._invoker = invoker
        self._admin = admin
        self._options = options
        self._keys = keys or Keys()
        self._home_page = home_page
        self._body_limit_bytes = body_limit_bytes
        self._ready_timeout_seconds = ready_timeout_seconds
        self._throttle = _Throttle(options)
        self._routes = Routes(routes=(), refused=())
        self._ready = asyncio.Event()

    def open(self, functions: Sequence[Function], *, timers: Sequence[Timer] = ()) -> tuple[Refused, ...]:
        """Answer for these functions from now on; returns those that get no route, each with its reason."""
        self._routes = route_functions(functions, prefix=self._options.route_prefix)
        self._admin.show(functions, timers=timers)
        self._ready.set()
        return self._routes.refused

    def close(self) -> None:
        """Let requests wait again, as while the host restarts."""
        self._ready.clear()

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=self._body_limit_bytes)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(request)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except Exception:  # noqa: BLE001 - the server goes on, and its own page would say too much
            _log.exception("An unhandled host error has occurred.")
            return web.Response(status=500)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        # Decoded but for an encoded slash, which is no separator.
        path = request.rel_url.path_safe.replace("%25", "%")
        key = presented_key(headers=request.headers, query=request.query)
        if path.lower() == "/admin" or path.lower().startswith("/admin/"):
            return await self._admin.answer(request, path=path, level=self._keys.level(key), ready=self._is_ready)
        if not await self._is_ready():
            return web.Response(status=503, text=_NOT_RUNNING)
        match = self._routes.find(request.method, path)
        if match is None:
            return self._no_function(path)
        refusal = _refusal(match.function, level=self._keys.level(key, function=match.function.name))
        if refusal is not None:
            return web.Response(status=refusal)
        try:
            async with self._throttle.place():
                return await self._invoke(request, match)
        except TooManyRequestsError:
            return web.Response(status=429)

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(self._ready_timeout_seconds):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    def _no_function(self, path: str) -> web.Response:
        if path != "/":
            return web.Response(status=404)
        if not self._home_page:
            return web.Response(status=204)
        return web.Response(text=_HOME_PAGE, content_type="text/html")

    async def _invoke(self, request: web.Request, match: Match) -> web.Response:
        body = await request_body(request)
        result = await self._invoker.invoke(
            match.function,
            inputs={match.function.trigger["name"]: request_datum(request, params=match.params, body=body)},
            metadata=request_metadata(request, params=match.params),
            reason=_REASON,
        )
        if not result.ok:
            return web.Response(status=500)
        response = response_of(result.returned)
        response.headers.update(self._options.custom_headers)
        return response


@contextlib.asynccontextmanager
async def listening(application: web.Application, *, address: str, port: int) -> AsyncGenerator[int]:
    """Serve an application until the block ends; yields the port, chosen by the system where 0 is given."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class _Throttle:
    def __init__(self, options: HttpOptions) -> None:
        self._limit = options.max_outstanding_requests
        self._outstanding = 0
        concurrent = options.max_concurrent_requests
        self._running = asyncio.Semaphore(concurrent) if concurrent > 0 else contextlib.nullcontext()

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        # Outstanding requests are those that run and those that wait to.
        if 0 < self._limit <= self._outstanding:
            raise TooManyRequestsError
        self._outstanding += 1
        try:
            async with self._running:
                yield
        finally:
            self._outstanding -= 1


def _refusal(function: Function, *, level: AuthLevel) -> int | None:
    if not level.suffices_for(AuthLevel(str(function.trigger.get("authLevel") or AuthLevel.FUNCTION).lower())):
        return 401
    return 404 if function.disabled and level is not AuthLevel.ADMIN else None
