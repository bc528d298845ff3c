"""The admin API on a port of its own: FunctionsController.cs and HostController.cs."""

import contextlib
import dataclasses
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from functions_host.admin import Admin, HostState
from functions_host.functions import Result
from functions_host.host_json import HttpOptions
from functions_host.http_server import FrontEnd, listening
from functions_host.keys import Keys
from functions_host.timer_status import NOT_YET, ScheduleStatus
from functions_host.timers import timer_of
from tests.integration.functions_host.clients import ask
from tests.unit.functions_host.doubles import (
    START,
    FakeControl,
    FakeInvoker,
    FakeStatuses,
    Invocation,
    VirtualTime,
    http_function,
    make_admin,
    queue_function,
    timer_function,
)

_REASON = "This function was programmatically called via the host APIs."
_FUNCTIONS = (
    http_function("hello", route="hello/{name?}", authLevel="ANONYMOUS"),
    queue_function("copy"),
    timer_function("tick", schedule="0 */5 * * * *"),
)
_STATUS = ScheduleStatus(last=NOT_YET, next=START, last_updated=START)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a test needs of the host."""

    url: str
    admin: Admin
    control: FakeControl
    invoker: FakeInvoker
    time: VirtualTime


@contextlib.asynccontextmanager
async def _host(*, keys: Keys | None = None, ready: bool = True) -> AsyncGenerator[Host]:
    control, invoker, time = FakeControl(), FakeInvoker(), VirtualTime()
    admin = make_admin(invoker, control=control, time=time)
    front = FrontEnd(invoker=invoker, admin=admin, options=HttpOptions(), keys=keys, ready_timeout_seconds=0.05)
    timer = timer_of(_FUNCTIONS[-1], resolve=str, statuses=FakeStatuses(tick=_STATUS))
    if ready:
        front.open(_FUNCTIONS, timers=[timer])
    async with listening(front.application(), address="127.0.0.1", port=0) as port:
        yield Host(url=f"http://127.0.0.1:{port}/admin", admin=admin, control=control, invoker=invoker, time=time)


async def test_invoke_a_queue_function() -> None:
    """The input becomes a QueueMessage: no id and receipt, DequeueCount 0, InsertionTime now, the rest MaxValue."""
    async with _host() as host:
        answer = await ask("POST", f"{host.url}/functions/COPY", json={"input": "text"})
        await host.admin.settle()

    assert (answer.status, answer.body) == (202, b"")
    latest = '"9999-12-31T23:59:59.999999+00:00"'
    assert host.invoker.invocations == [
        Invocation(
            function="copy",
            inputs={"msg": ("string", "text")},
            metadata={
                "QueueTrigger": ("string", "text"),
                "DequeueCount": ("json", "0"),
                "InsertionTime": ("json", '"2026-11-23T08:02:00+00:00"'),
                "ExpirationTime": ("json", latest),
                "NextVisibleTime": ("json", latest),
            },
            reason=_REASON,
        )
    ]


async def test_invoke_a_queue_function_with_an_object() -> None:
    """The body's own properties are told as well, as of a message that was queued."""
    async with _host() as host:
        await ask("POST", f"{host.url}/functions/copy", json={"Input": '{"id": "7", "dataset": "x"}'})
        await host.admin.settle()

    (only,) = host.invoker.invocations
    assert {name: only.metadata[name] for name in ("Id", "dataset")} == {
        "Id": ("string", "7"),
        "dataset": ("string", "x"),
    }


async def test_invoke_a_timer() -> None:
    """Timer: input ignored (TimerInfo from the monitor, IsPastDue=false)."""
    async with _host() as host:
        answer = await ask("POST", f"{host.url}/functions/tick", json={"input": "whatever"})
        await host.admin.settle()

    (only,) = host.invoker.invocations
    assert answer.status == 202
    assert only.inputs == {
        "timer": (
            "json",
            json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": _STATUS.to_json(), "IsPastDue": False}),
        )
    }
    assert only.metadata == {"TimerTrigger": ("string", "11/23/2026 08:02:00")}


async def test_invocation_is_not_awaited() -> None:
    """202 at once, the result isn't awaited, failures are only logged."""
    async with _host() as host:
        host.invoker.result = Result(ok=False, error="boom")
        host.invoker.work = lambda: host.time.sleep(60)

        answer = await ask("POST", f"{host.url}/functions/copy", json={"input": "text"})
        running = host.invoker.running
        await host.time.pass_seconds(60)
        await host.admin.settle()

    assert (answer.status, running) == (202, 1)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"json": {}}, 202),
        ({"json": {"input": ""}}, 202),
        ({}, 400),
        ({"data": b"", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": ["input"]}, 400),
        ({"json": {"input": {"a": 1}}}, 400),
        ({"data": b'{"input": ""}', "headers": {"Content-Type": "text/plain"}}, 400),
    ],
)
async def test_body_of_an_invocation(how: dict[str, Any], expected: int) -> None:
    """400 body missing or not JSON (Content-Type application/json is needed)."""
    async with _host() as host:
        answer = await ask("POST", f"{host.url}/functions/copy", **how)
        await host.admin.settle()

    assert answer.status == expected


async def test_invoke_what_is_not_there() -> None:
    """404 unknown; an HTTP function is not invoked this way."""
    async with _host() as host:
        unknown = await ask("POST", f"{host.url}/functions/nosuch", json={"input": ""})
        http = await ask("POST", f"{host.url}/functions/hello", json={"input": ""})

    assert (unknown.status, http.status) == (404, 501)


async def test_functions() -> None:
    """GET /admin/functions[/{name}]: name, hrefs, language, config, ..., isDisabled, isDirect, isProxy."""
    async with _host() as host:
        everything = await ask("GET", f"{host.url}/functions")
        one = await ask("GET", f"{host.url}/functions/Hello/")
        unknown = await ask("GET", f"{host.url}/functions/nosuch")

    assert one.json() == {
        "name": "hello",
        "script_root_path_href": None,
        "script_href": f"{host.url}/vfs/function_app.py",
        "config_href": None,
        "test_data_href": None,
        "href": f"{host.url}/functions/hello",
        "invoke_url_template": f"{host.url.removesuffix('/admin')}/api/hello/{{name?}}",
        "language": "python",
        "config": {"bindings": [dict(_FUNCTIONS[0].trigger)]},
        "files": None,
        "test_data": None,
        "isDisabled": False,
        "isDirect": False,
        "isProxy": False,
    }
    assert everything.json()[0] == one.json()
    assert [each["name"] for each in everything.json()] == ["hello", "copy", "tick"]
    assert unknown.status == 404


async def test_function_status() -> None:
    """GET /admin/functions/{name}/status: {errors}; also of a function that could not be started at all."""
    async with _host() as host:
        host.control.errors = {"broken": ["The schedule was not recognized."]}
        good = await ask("GET", f"{host.url}/functions/copy/status")
        broken = await ask("GET", f"{host.url}/functions/broken/status")
        unknown = await ask("GET", f"{host.url}/functions/nosuch/status")

    assert (good.json(), broken.json()) == ({}, {"errors": ["The schedule was not recognized."]})
    assert unknown.status == 404


async def test_host_status() -> None:
    """GET /admin/host/status: id, state, version, instanceId, computerName, processUptime (ms), ..., errors."""
    async with _host() as host:
        await host.time.pass_seconds(2.5)
        running = await ask("GET", f"{host.url}/host/status")
        host.control.state, host.control.error = HostState.ERROR, "no worker"
        failed = await ask("GET", f"{host.url}/host/status")

    common = {
        "id": "host-1",
        "version": "4.1037.0",
        "versionDetails": "4.1037.0",
        "instanceId": "instance-1",
        "computerName": "computer-1",
        "processUptime": 2500,
        "functionAppContentEditingState": "NotAllowed",
    }
    assert running.json() == {**common, "state": "Running"}
    assert failed.json() == {**common, "state": "Error", "errors": ["no worker"]}


async def test_drain_and_resume() -> None:
    """POST /admin/host/drain is 202, drain/status has the state and what is outstanding, resume restarts."""
    async with _host() as host:
        states = [(await ask("GET", f"{host.url}/host/drain/status")).json()]
        host.control.outstanding = 2
        drain = await ask("POST", f"{host.url}/host/drain")
        await host.admin.settle()
        states.append((await ask("GET", f"{host.url}/host/drain/status")).json())
        host.control.outstanding = 0
        states.append((await ask("GET", f"{host.url}/host/drain/status")).json())
        resume = await ask("POST", f"{host.url}/host/resume")
        again = await ask("POST", f"{host.url}/host/resume")

    assert (drain.status, resume.status, again.status) == (202, 200, 200)
    assert resume.json() == {"state": "Running"}
    assert states == [
        {"state": "Disabled", "outstandingInvocations": 0, "outstandingRetries": 0},
        {"state": "InProgress", "outstandingInvocations": 2, "outstandingRetries": 0},
        {"state": "Completed", "outstandingInvocations": 0, "outstandingRetries": 0},
    ]
    assert host.control.restarts == 1


async def test_resume_a_host_that_does_not_run() -> None:
    """A host that is not running can't be resumed: 409."""
    async with _host() as host:
        host.control.state = HostState.STARTING
        answer = await ask("POST", f"{host.url}/host/resume")

    assert (answer.status, host.control.restarts) == (409, 0)


async def test_restart_and_synctriggers() -> None:
    """POST /admin/host/restart restarts; synctriggers has nobody to tell."""
    async with _host() as host:
        restart = await ask("POST", f"{host.url}/host/restart")
        await host.admin.settle()
        sync = await ask("POST", f"{host.url}/host/synctriggers")

    assert (restart.status, host.control.restarts) == (200, 1)
    assert (sync.status, sync.json()) == (200, {"status": "success"})


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_ping(method: str) -> None:
    """GET or POST /admin/host/ping, by anybody."""
    async with _host(keys=Keys(enable_auth=True)) as host:
        answer = await ask(method, f"{host.url}/host/ping")

    assert answer.status == 200


async def test_only_for_admins() -> None:
    """The admin API needs _master; a host key does not open it."""
    keys = Keys(enable_auth=True, master="master", host=("host",))

    async with _host(keys=keys) as host:
        by_host_key = await ask("GET", f"{host.url}/functions", headers={"x-functions-key": "host"})
        by_master_key = await ask("GET", f"{host.url}/functions", headers={"x-functions-key": "master"})
        invocation = await ask("POST", f"{host.url}/functions/copy", json={"input": ""})

    assert (by_host_key.status, by_master_key.status, invocation.status) == (401, 200, 401)
    assert host.invoker.invocations == []


async def test_while_the_host_starts() -> None:
    """Invoking needs a running host (503); its status doesn't."""
    async with _host(ready=False) as host:
        invocation = await ask("POST", f"{host.url}/functions/copy", json={"input": ""})
        status = await ask("GET", f"{host.url}/host/status")

    assert (invocation.status, status.status) == (503, 200)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/nosuch"), ("GET", "/host/drain")])
async def test_not_there(method: str, path: str) -> None:
    """What the API doesn't have is 404, a wrong method too."""
    async with _host() as host:
        answer = await ask(method, host.url + path)

    assert answer.status == 404
