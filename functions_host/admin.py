"""The admin API: what the host tells of itself and its functions, and has itself told to do.

Sources: azure-functions-host FunctionsController.cs, HostController.cs. Keys, files, logs, scaling and
``PUT /admin/host/state`` are not there; an HTTP function can't be invoked this way.
"""

import asyncio
import dataclasses
import datetime as dt
import enum
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from functions_host.functions import Datum, Function, Invoker, Result
from functions_host.keys import AuthLevel
from functions_host.queue_message import Message, trigger_metadata
from functions_host.routes import route_text
from functions_host.timers import Timer

_REASON = "This function was programmatically called via the host APIs."
#: What a message that was never queued doesn't have.
_NULL = frozenset({"Id", "PopReceipt"})
_log = logging.getLogger(__name__)


class HostState(enum.StrEnum):
    """What the host is doing; the names are those of ScriptHostState.cs."""

    DEFAULT = "Default"
    STARTING = "Starting"
    INITIALIZED = "Initialized"
    RUNNING = "Running"
    ERROR = "Error"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    OFFLINE = "Offline"


class HostControl(Protocol):
    """What the admin API asks of the host."""

    @property
    def state(self) -> HostState:
        """What the host is doing."""
        ...

    @property
    def error(self) -> str | None:
        """Why the state is ``Error``."""
        ...

    @property
    def draining(self) -> bool:
        """Whether ``drain`` was called and no ``restart`` after it."""
        ...

    @property
    def outstanding(self) -> int:
        """How many invocations have not ended."""
        ...

    def errors_of(self, function: str) -> Sequence[str]:
        """Why that function was not started."""
        ...

    async def drain(self) -> None:
        """Stop every listener and wait for what runs."""
        ...

    async def restart(self) -> None:
        """Start anew: listeners, and the worker process with the app's present code."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the host tells of itself that doesn't change."""

    host_id: str
    version: str
    instance_id: str
    computer_name: str
    #: The prefix of HTTP routes, for addresses that are shown.
    route_prefix: str = "api"


type _Handler = Callable[[web.Request, str], Awaitable[web.Response]]


class Admin:
    """Answers requests below ``/admin``."""

    def __init__(
        self,
        *,
        identity: Identity,
        control: HostControl,
        invoker: Invoker,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """Prepare the API; ``clock`` tells the time in UTC."""
        self._identity = identity
        self._control = control
        self._invoker = invoker
        self._clock = clock
        self._started = clock()
        self._functions: dict[str, Function] = {}
        self._timers: dict[str, Timer] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._handlers: Sequence[tuple[str, str, _Handler]] = (
            ("GET", r"/admin/functions", self._list),
            ("GET", r"/admin/functions/([^/]+)", self._show),
            ("POST", r"/admin/functions/([^/]+)", self._invoke),
            ("GET", r"/admin/functions/([^/]+)/status", self._function_status),
            ("GET", r"/admin/host/status", self._host_status),
            ("POST", r"/admin/host/drain", self._drain),
            ("GET", r"/admin/host/drain/status", self._drain_status),
            ("POST", r"/admin/host/resume", self._resume),
            ("POST", r"/admin/host/restart", self._restart),
            ("POST", r"/admin/host/synctriggers", self._sync_triggers),
        )

    def show(self, functions: Iterable[Function], *, timers: Iterable[Timer] = ()) -> None:
        """Answer for these functions from now on; a timer function can be invoked if its timer is given."""
        self._functions = {function.name.lower(): function for function in functions}
        self._timers = {timer.function.name: timer for timer in timers}

    async def answer(
        self, request: web.Request, *, path: str, level: AuthLevel, ready: Callable[[], Awaitable[bool]]
    ) -> web.Response:
        """Answer a request; ``ready`` waits for the host and says whether it runs, which invoking needs."""
        path = path.rstrip("/")
        if path.lower() == "/admin/host/ping" and request.method in {"GET", "POST"}:
            return web.Response(headers={"Cache-Control": "no-store"})
        for method, pattern, handler in self._handlers:
            found = re.fullmatch(pattern, path, re.IGNORECASE)
            if found is None or request.method != method:
                continue
            if level is not AuthLevel.ADMIN:
                return web.Response(status=401)
            if handler == self._invoke and not await ready():
                return web.Response(status=503)
            return await handler(request, found[1] if found.groups() else "")
        return web.Response(status=404)

    async def settle(self) -> None:
        """Wait for what was begun in answer to requests."""
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _list(self, request: web.Request, _name: str) -> web.Response:
        return web.json_response([self._described(each, request) for each in self._functions.values()])

    async def _show(self, request: web.Request, name: str) -> web.Response:
        function = self._functions.get(name.lower())
        return web.json_response(self._described(function, request)) if function else web.Response(status=404)

    async def _invoke(self, request: web.Request, name: str) -> web.Response:
        text = await _input_of(request)
        if text is None:
            return web.Response(status=400)
        function = self._functions.get(name.lower())
        if function is None:
            return web.Response(status=404)
        if function.kind not in {"queuetrigger", "timertrigger"}:
            return web.Response(status=501, text="An HTTP function is invoked by its own address.")
        self._begin(self._call(function, text))
        return web.Response(status=202)

    async def _call(self, function: Function, text: str) -> Result:
        now, value = self._clock(), ("string", text)
        if function.kind == "timertrigger":
            timer = self._timers[function.name]
            value, metadata = await timer.request_by_hand(), timer.metadata(now)
        else:
            metadata = _message_metadata(text, now=now)
        name = function.trigger["name"]
        return await self._invoker.invoke(function, inputs={name: value}, metadata=metadata, reason=_REASON)

    async def _function_status(self, _request: web.Request, name: str) -> web.Response:
        errors = self._control.errors_of(name)
        if not errors and name.lower() not in self._functions:
            return web.Response(status=404)
        return web.json_response({"errors": list(errors)} if errors else {})

    async def _host_status(self, _request: web.Request, _name: str) -> web.Response:
        status: dict[str, object] = {
            "id": self._identity.host_id,
            "state": self._control.state,
            "version": self._identity.version,
            "versionDetails": self._identity.version,
            "instanceId": self._identity.instance_id,
            "computerName": self._identity.computer_name,
            "processUptime": int((self._clock() - self._started).total_seconds() * 1000),
            "functionAppContentEditingState": "NotAllowed",
        }
        if self._control.error is not None:
            status["errors"] = [self._control.error]
        return web.json_response(status)

    async def _drain(self, _request: web.Request, _name: str) -> web.Response:
        self._begin(self._control.drain())
        return web.Response(status=202)

    async def _drain_status(self, _request: web.Request, _name: str) -> web.Response:
        outstanding = self._control.outstanding
        state = "Disabled"
        if self._control.draining:
            state = "InProgress" if outstanding else "Completed"
        return web.json_response({"state": state, "outstandingInvocations": outstanding, "outstandingRetries": 0})

    async def _resume(self, _request: web.Request, _name: str) -> web.Response:
        if self._control.state is not HostState.RUNNING:
            return web.Response(status=409)
        if self._control.draining:
            await self._control.restart()
        return web.json_response({"state": self._control.state})

    async def _restart(self, _request: web.Request, _name: str) -> web.Response:
        self._begin(self._control.restart())
        return web.json_response({})

    async def _sync_triggers(self, _request: web.Request, _name: str) -> web.Response:
        # It tells Azure's scaler which triggers there are: nobody has to be told here.
        return web.json_response({"status": "success"})

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A request to the admin API failed after it was answered.", exc_info=error)

    def _described(self, function: Function, request: web.Request) -> Mapping[str, object]:
        base = f"{request.scheme}://{request.host}"
        http = function.kind == "httptrigger"
        address = "/".join(part for part in (base, self._identity.route_prefix, route_text(function)) if part)
        return {
            "name": function.name,
            "script_root_path_href": None,
            "script_href": f"{base}/admin/vfs/function_app.py",
            "config_href": None,
            "test_data_href": None,
            "href": f"{base}/admin/functions/{function.name}",
            "invoke_url_template": address if http else None,
            "language": "python",
            "config": {"bindings": [dict(each) for each in function.bindings]},
            "files": None,
            "test_data": None,
            "isDisabled": function.disabled,
            "isDirect": False,
            "isProxy": False,
        }


async def _input_of(request: web.Request) -> str | None:
    # {"input": "text"}; None for anything else. Names ignore case.
    if request.content_type != "application/json":
        return None
    try:
        content = json.loads(await request.read())
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    fields: dict[str, Any] = {str(name).lower(): value for name, value in content.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    text = fields.get("input") or ""
    return text if isinstance(text, str) else None


def _message_metadata(text: str, *, now: dt.datetime) -> dict[str, Datum]:
    # The message that the host makes of the input: never queued, so without id and receipt.
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    message = Message(
        id="",
        pop_receipt="",
        dequeue_count=0,
        inserted_on=now,
        expires_on=latest,
        next_visible_on=latest,
        stored=text,
    )
    metadata = trigger_metadata(message, text=text)
    return {name: value for name, value in metadata.items() if name not in _NULL or value != ("string", "")}
