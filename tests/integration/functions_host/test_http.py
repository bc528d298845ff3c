"""The HTTP server on a port of its own, with functions that a fake invokes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
import yarl

from functions_host.activity import CountingInvoker
from functions_host.functions import Function, Result
from functions_host.host_json import HttpOptions
from functions_host.http_server import FrontEnd, listening
from functions_host.keys import Keys
from tests.integration.functions_host.clients import Answer, ask
from tests.unit.functions_host.doubles import FakeInvoker, Invocation, http_function, make_admin

_ENABLED = Keys(enable_auth=True, master="master", host=("host",), functions={"hello": ("own",)})


@pytest.fixture
def invoker() -> FakeInvoker:
    return FakeInvoker()


async def test_request_as_the_worker_gets_it(invoker: FakeInvoker) -> None:
    """Lower-case header names, joined values, no empty query values, route params, bytes body (ToRpcHttp)."""
    function = http_function("hello", route="hello/{name}/{kind?}")

    async with _serving(invoker, function) as url:
        headers = [("X-Two", "a"), ("X-Two", "b"), ("User-Agent", "me"), ("Accept", "*/*"), ("Content-Type", "x/y")]
        headers.append(("Accept-Encoding", "identity"))
        target = yarl.URL(f"{url}/api/hello/J%C3%BCrgen?b=1&a=2&B=3&empty=&code=k", encoded=True)
        answer = await ask("POST", target, data=b"\x00body", headers=headers)

    sent = {"host": url.removeprefix("http://"), "x-two": "a,b", "user-agent": "me", "accept": "*/*"}
    sent |= {"content-type": "x/y", "accept-encoding": "identity", "content-length": "5"}
    query = {"b": "1,3", "a": "2", "code": "k"}
    assert answer == Answer(200, b"done", "text/plain; charset=utf-8")
    assert invoker.invocations == [
        Invocation(
            function="hello",
            inputs={
                "req": (
                    "http",
                    {
                        "method": ("string", "POST"),
                        "url": ("string", f"{url}/api/hello/J%C3%BCrgen?b=1&a=2&B=3&empty=&code=k"),
                        "headers": {name: ("string", value) for name, value in sent.items()},
                        "body": ("bytes", b"\x00body"),
                        "params": {"name": ("string", "Jürgen")},
                        "query": {name: ("string", value) for name, value in query.items()},
                    },
                )
            },
            metadata={
                "Query": ("json", json.dumps(query)),
                "Headers": ("json", json.dumps(sent)),
                "b": ("string", "1,3"),
                "a": ("string", "2"),
                "name": ("string", "Jürgen"),
            },
            reason="This function was programmatically called via the host APIs.",
        )
    ]


async def test_chunked_request_bodies_arrive_empty(invoker: FakeInvoker) -> None:
    """The body is handed on only if Content-Length > 0: chunked request bodies arrive empty."""
    async with _serving(invoker, http_function()) as url:
        answer = await ask("POST", f"{url}/api/hello", data=_chunks())

    assert answer.status == 200
    assert _body(invoker) == ("bytes", b"")


async def test_body_limit(invoker: FakeInvoker) -> None:
    """A body above FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is refused with 413."""
    async with _serving(invoker, http_function(), body_limit_bytes=10) as url:
        at_limit = await ask("POST", f"{url}/api/hello", data=b"x" * 10)
        above = await ask("POST", f"{url}/api/hello", data=b"x" * 11)

    assert (at_limit.status, above.status) == (200, 413)
    assert len(invoker.invocations) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_wrong_method_is_not_found(invoker: FakeInvoker, method: str) -> None:
    """A method mismatch is a route constraint: 404, *not* 405."""
    async with _serving(invoker, http_function(methods=["GET"])) as url:
        answer = await ask(method, f"{url}/api/hello")

    assert answer.status == 404
    assert invoker.invocations == []


async def test_encoded_slash_is_no_separator(invoker: FakeInvoker) -> None:
    """%2F stays as it is and within its segment, as with Kestrel."""
    async with _serving(invoker, http_function(route="x/{name}")) as url:
        await ask("GET", yarl.URL(f"{url}/api/x/a%2Fb%25", encoded=True))

    assert _request(invoker)["params"] == {"name": ("string", "a%2Fb%")}


async def test_refused_functions(invoker: FakeInvoker) -> None:
    """A function whose route is refused has none; the others are not affected."""
    refused = http_function("mine", route="administer")

    front = _front(invoker)

    assert [each.function for each in front.open([refused, http_function()])] == [refused]


@pytest.mark.parametrize(
    "result", [Result(ok=False, error="boom", trace="line 1"), Result(ok=True, returned=("model_binding_data", b""))]
)
async def test_exceptions(invoker: FakeInvoker, result: Result) -> None:
    """Exceptions: 500 with an *empty* body (ExceptionMiddleware); the same for a return value that is no response."""
    invoker.result = result

    async with _serving(invoker, http_function()) as url:
        answer = await ask("GET", f"{url}/api/hello")

    assert (answer.status, answer.body) == (500, b"")


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("plain", (200, b"plain", "text/plain; charset=utf-8")),
        # A list, a number, or an object without a body are texts like any other.
        ("[1]", (200, b"[1]", "text/plain; charset=utf-8")),
        ('{"status": 404}', (200, b'{"status": 404}', "text/plain; charset=utf-8")),
        # With a body it is a response.
        ('{"status": "404", "Body": "gone"}', (404, b"gone", "text/plain; charset=utf-8")),
        ('{"statusCode": 201, "body": {"a": 1}}', (201, b'{"a": 1}', "application/json; charset=utf-8")),
        ('{"body": "<p>", "headers": {"Content-Type": "text/html"}}', (200, b"<p>", "text/html")),
    ],
)
async def test_returned_text(invoker: FakeInvoker, returned: str, expected: tuple[int, bytes, str]) -> None:
    """A str: 200 text; a str that parses as a JSON object with a "body" key is taken for a response object."""
    invoker.result = Result(ok=True, returned=("string", returned))

    async with _serving(invoker, http_function()) as url:
        answer = await ask("GET", f"{url}/api/hello")

    assert answer == Answer(*expected)


async def test_returned_response(invoker: FakeInvoker) -> None:
    """A response keeps its status, headers, cookies and bytes; the server states lengths itself."""
    cookies = [SimpleCookie("a=1; Path=/x; HttpOnly"), SimpleCookie("b=2")]
    headers = {"content-type": ("string", "image/png"), "x-a": ("string", "b"), "Content-Length": ("string", "999")}
    value = {"status_code": ("string", "202"), "headers": headers, "cookies": cookies, "body": ("bytes", b"\x89PNG")}
    invoker.result = Result(ok=True, returned=("http", value))
    options = HttpOptions(custom_headers={"x-frame-options": "deny"})

    async with (
        _serving(invoker, http_function(), options=options) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/hello") as response,
    ):
        body = await response.read()

    assert (response.status, body) == (202, b"\x89PNG")
    shown = {name: response.headers.getall(name) for name in ("Content-Type", "x-a", "Set-Cookie", "x-frame-options")}
    assert shown == {
        "Content-Type": ["image/png"],
        "x-a": ["b"],
        "Set-Cookie": ["a=1; HttpOnly; Path=/x", "b=2; Path=/"],
        "x-frame-options": ["deny"],
    }


@pytest.mark.parametrize(
    ("level", "key", "expected"),
    [
        ("ANONYMOUS", None, 200),
        # A bad key on an anonymous function is ignored.
        ("ANONYMOUS", "wrong", 200),
        ("FUNCTION", None, 401),
        ("FUNCTION", "wrong", 401),
        ("FUNCTION", "own", 200),
        ("FUNCTION", "host", 200),
        ("FUNCTION", "master", 200),
        ("ADMIN", "own", 401),
        ("ADMIN", "host", 401),
        ("ADMIN", "master", 200),
        # The default of decorator and app is FUNCTION.
        (None, None, 401),
    ],
)
async def test_authorisation(invoker: FakeInvoker, level: str | None, key: str | None, expected: int) -> None:
    """The levels are anonymous | function | admin; missing or bad key: 401, empty body."""
    headers = {"X-Functions-Key": key} if key else {}

    async with _serving(invoker, http_function(authLevel=level), keys=_ENABLED) as url:
        by_header = await ask("GET", f"{url}/api/hello", headers=headers)
        by_query = await ask("GET", f"{url}/api/hello", params={"code": key} if key else {})

    assert (by_header.status, by_query.status) == (expected, expected)
    assert by_header.body == (b"done" if expected == 200 else b"")


async def test_no_auth_by_default(invoker: FakeInvoker) -> None:
    """Without --enableAuth all levels are open, /admin included."""
    async with _serving(invoker, http_function(authLevel="ADMIN")) as url:
        function = await ask("GET", f"{url}/api/hello")
        admin = await ask("GET", f"{url}/admin/host/status")

    assert (function.status, admin.status) == (200, 200)


@pytest.mark.parametrize(
    ("keys", "key", "expected"), [(_ENABLED, "own", 404), (_ENABLED, "master", 200), (None, "", 200)]
)
async def test_disabled_function(invoker: FakeInvoker, keys: Keys | None, key: str, expected: int) -> None:
    """A disabled function: 404, unless the principal is admin (so under `func start` it still answers)."""
    async with _serving(invoker, http_function(disabled=True), keys=keys) as url:
        answer = await ask("GET", f"{url}/api/hello", headers={"x-functions-key": key})

    assert answer.status == expected


@pytest.mark.parametrize(("home_page", "expected"), [(True, (200, "text/html; charset=utf-8")), (False, (204, None))])
async def test_home_page(invoker: FakeInvoker, *, home_page: bool, expected: tuple[int, str | None]) -> None:
    """GET / = 200 and an HTML page (AzureWebJobsDisableHomepage=true: 204)."""
    async with _serving(invoker, http_function(), home_page=home_page) as url:
        answer = await ask("GET", url)

    assert (answer.status, answer.content_type) == expected


async def test_function_at_the_root(invoker: FakeInvoker) -> None:
    """A function whose route is the root comes before the home page."""
    async with _serving(invoker, http_function(route="/"), options=HttpOptions(route_prefix="")) as url:
        answer = await ask("GET", url)

    assert answer.body == b"done"


async def test_not_ready(invoker: FakeInvoker) -> None:
    """Host not ready: the request waits, then 503 "Function host is not running."; host status and ping answer."""
    front = _front(invoker, ready_timeout_seconds=0.05)

    async with listening(front.application(), address="127.0.0.1", port=0) as port:
        url = f"http://127.0.0.1:{port}"
        function = await ask("GET", f"{url}/api/hello")
        invocation = await ask("POST", f"{url}/admin/functions/hello", json={"input": ""})
        ping = await ask("GET", f"{url}/admin/host/ping")

    assert (function.status, function.body) == (503, b"Function host is not running.")
    assert (invocation.status, ping.status) == (503, 200)


async def test_request_waits_for_the_host(invoker: FakeInvoker) -> None:
    """A request that comes while the host starts is answered once it runs."""
    front = _front(invoker)

    async with listening(front.application(), address="127.0.0.1", port=0) as port:
        asking = asyncio.create_task(ask("GET", f"http://127.0.0.1:{port}/api/hello"))
        done, _ = await asyncio.wait({asking}, timeout=0.2)
        front.open([http_function()])
        answer = await asyncio.wait_for(asking, 10)

    assert done == set()
    assert answer.status == 200


async def test_too_many_outstanding_requests(invoker: FakeInvoker) -> None:
    """Over maxOutstandingRequests: 429; up to it requests wait, and maxConcurrentRequests run."""
    release = asyncio.Event()
    invoker.work = release.wait
    options = HttpOptions(max_outstanding_requests=3, max_concurrent_requests=2)

    async with _serving(invoker, http_function(), options=options) as url:
        asking = [asyncio.create_task(ask("GET", f"{url}/api/hello")) for _ in range(5)]
        refused, waiting = await asyncio.wait(asking, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        while len(refused) < 2:
            more, waiting = await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            assert more
            refused |= more
        running = invoker.running
        release.set()
        answers = [await each for each in asking]

    assert running == 2
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 429, 429]
    assert {each.result().status for each in refused} == {429}


async def test_counting_invoker(invoker: FakeInvoker) -> None:
    """What runs is counted while it runs."""
    release = asyncio.Event()
    invoker.work = release.wait
    counting = CountingInvoker(invoker)

    running = asyncio.create_task(counting.invoke(http_function(), inputs={}, metadata={}, reason="test"))
    await asyncio.sleep(0)
    meanwhile = counting.outstanding
    release.set()
    result = await running

    assert (meanwhile, counting.outstanding, result) == (1, 0, invoker.result)


def _front(
    invoker: FakeInvoker,
    *,
    options: HttpOptions | None = None,
    keys: Keys | None = None,
    **others: Any,
) -> FrontEnd:
    admin = make_admin(invoker)
    return FrontEnd(invoker=invoker, admin=admin, options=options or HttpOptions(), keys=keys, **others)


@contextlib.asynccontextmanager
async def _serving(invoker: FakeInvoker, function: Function, **options: Any) -> AsyncGenerator[str]:
    front = _front(invoker, **options)
    front.open([function])
    async with listening(front.application(), address="127.0.0.1", port=0) as port:
        yield f"http://127.0.0.1:{port}"


async def _chunks() -> AsyncIterator[bytes]:
    yield b"some"
    yield b"body"


def _request(invoker: FakeInvoker) -> dict[str, Any]:
    (only,) = invoker.invocations
    _, value = only.inputs["req"]
    return value


def _body(invoker: FakeInvoker) -> object:
    return _request(invoker)["body"]
