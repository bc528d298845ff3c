"""Requests that go all the way: server, worker process, Microsoft's worker library, function, and back."""

import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp

from functions_host.admin import Admin
from functions_host.functions import Function
from functions_host.host_json import HttpOptions
from functions_host.http_server import FrontEnd, listening
from functions_host.timers import timer_of
from functions_host.worker import Worker
from tests.integration.functions_host.apps import HEADER, write_app
from tests.integration.functions_host.clients import Answer, ask
from tests.integration.functions_host.test_worker import working
from tests.unit.functions_host.doubles import FakeControl, FakeStatuses, VirtualTime, make_admin

_APP = (
    HEADER
    + """
@app.route(route="echo/{name}/{kind?}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = [req.method, req.url.partition("/api/")[2], dict(req.params), dict(req.route_params), req.headers["x-a"]]
    return func.HttpResponse(json.dumps([*seen, req.get_body().decode()]), mimetype="application/json")

@app.route()
def text(req: func.HttpRequest) -> str:
    return "hello"

@app.route()
def nothing(req: func.HttpRequest) -> str:
    return None

@app.route()
def mapping(req: func.HttpRequest) -> str:
    return {"a": 1}

@app.route()
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("a secret")

@app.route()
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(b"\\x00", status_code=201, mimetype="image/png", headers={"X-B": "c"})
    response.headers.add("Set-Cookie", "a=1; HttpOnly")
    response.headers.add("Set-Cookie", "b=2; Path=/x")
    return response

@app.queue_trigger(arg_name="msg", queue_name="q", connection="")
async def note_message(msg: func.QueueMessage) -> None:
    content = [msg.get_body().decode(), msg.id, msg.pop_receipt, msg.dequeue_count, msg.expiration_time.year]
    Path("message.json").write_text(json.dumps([*content, msg.insertion_time.isoformat()]))

@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
async def note_timer(timer: func.TimerRequest) -> None:
    Path("timer.json").write_text(json.dumps([timer.past_due, timer.schedule, timer.schedule_status]))
"""
)


async def test_request_and_response(tmp_path: Path) -> None:
    """A function sees the request as it was sent, and its response arrives as it was made."""
    async with _serving(tmp_path) as (url, _):
        answer = await ask("POST", f"{url}/api/echo/x%20y?q=1&q=2", data="bödy", headers={"X-A": "b"})

    seen = ["POST", "echo/x%20y?q=1&q=2", {"q": "1,2"}, {"name": "x y"}, "b", "bödy"]
    assert answer == Answer(200, json.dumps(seen).encode(), "application/json")


async def test_return_values(tmp_path: Path) -> None:
    """A str: 200 text. Returning None or a dict: TypeError, 500. An exception: 500 with an empty body."""
    async with _serving(tmp_path) as (url, _):
        answers = {name: await ask("GET", f"{url}/api/{name}") for name in ("text", "nothing", "mapping", "broken")}

    failed = Answer(500, b"", None)
    assert answers == {
        "text": Answer(200, b"hello", "text/plain; charset=utf-8"),
        "nothing": failed,
        "mapping": failed,
        "broken": failed,
    }


async def test_cookies(tmp_path: Path) -> None:
    """Several cookies, a status, headers and bytes survive the way."""
    async with (
        _serving(tmp_path) as (url, _),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/cookies") as response,
    ):
        body = await response.read()

    assert (response.status, body, response.headers["Content-Type"], response.headers["X-B"]) == (
        *(201, b"\x00", "image/png", "c"),
    )
    assert response.headers.getall("Set-Cookie") == ["a=1; HttpOnly; Path=/", "b=2; Path=/x"]


async def test_invoked_by_hand(tmp_path: Path) -> None:
    """The admin API's messages and timers are what Microsoft's worker library can read."""
    async with _serving(tmp_path) as (url, admin):
        message = await ask("POST", f"{url}/admin/functions/note_message", json={"input": "text"})
        timer = await ask("POST", f"{url}/admin/functions/note_timer", json={})
        await admin.settle()

    assert (message.status, timer.status) == (202, 202)
    assert json.loads((tmp_path / "app/message.json").read_text(encoding="utf-8")) == [
        *("text", None, None, 0, 9999, "2026-11-23T08:02:00+00:00"),
    ]
    assert json.loads((tmp_path / "app/timer.json").read_text(encoding="utf-8")) == [False, {"AdjustForDST": True}, {}]


@contextlib.asynccontextmanager
async def _serving(directory: Path) -> AsyncGenerator[tuple[str, Admin]]:
    async with working(write_app(directory / "app", _APP)) as (worker, functions):
        admin, front = _front_end(worker, functions)
        async with listening(front.application(), address="127.0.0.1", port=0) as port:
            yield f"http://127.0.0.1:{port}", admin


def _front_end(worker: Worker, functions: dict[str, Function]) -> tuple[Admin, FrontEnd]:
    admin = make_admin(worker, control=FakeControl(), time=VirtualTime())
    front = FrontEnd(invoker=worker, admin=admin, options=HttpOptions())
    timer = timer_of(functions["note_timer"], resolve=str, statuses=FakeStatuses())
    front.open(tuple(functions.values()), timers=[timer])
    return admin, front
