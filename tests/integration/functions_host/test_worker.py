import asyncio
import contextlib
import datetime as dt
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from functions_host.events import Event, EventKind
from functions_host.frames import IndexedFunction
from functions_host.functions import Datum, Function, Result
from functions_host.worker import AppNotLoadedError, Worker
from tests.integration.functions_host.apps import HEADER, OBEDIENT, write_app

METADATA: Mapping[str, Datum] = {"Id": ("string", "m1"), "DequeueCount": ("json", "1")}
WAIT_SECONDS = 20.0


@contextlib.asynccontextmanager
async def working(
    root: Path, *, timeout_seconds: float | None = None
) -> AsyncGenerator[tuple[Worker, dict[str, Function]]]:
    """Run a worker for the app in ``root`` until the block ends; yields it and the app's functions by name."""
    timeout = dt.timedelta(seconds=timeout_seconds) if timeout_seconds is not None else None
    worker = Worker(root, environment={**os.environ, "QUEUE": "work"}, function_timeout=timeout)
    found = await worker.start()
    running = asyncio.create_task(worker.run())
    try:
        yield worker, {each.name: function_of(each) for each in found}
    finally:
        await worker.stop()
        await asyncio.wait_for(running, WAIT_SECONDS)


def function_of(found: IndexedFunction) -> Function:
    return Function(name=found.name, function_id=found.function_id, bindings=found.bindings)


async def send(worker: Worker, function: Function, body: str, *, metadata: Mapping[str, Datum] = METADATA) -> Result:
    invocation = worker.invoke(function, inputs={"msg": ("string", body)}, metadata=metadata, reason="test")
    return await asyncio.wait_for(invocation, WAIT_SECONDS)


def events(caplog: pytest.LogCaptureFixture) -> list[Event]:
    return [event for record in caplog.records if isinstance(event := getattr(record, "event", None), Event)]


def pids(caplog: pytest.LogCaptureFixture, kind: EventKind) -> list[int | None]:
    return [each.worker_pid for each in events(caplog) if each.kind is kind]


async def kill(pid: int, caplog: pytest.LogCaptureFixture) -> None:
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(WAIT_SECONDS):
        while pid not in pids(caplog, EventKind.WORKER_EXITED):  # noqa: ASYNC110 - another process's end
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


async def test_app_is_indexed(tmp_path: Path) -> None:
    """'a list of JSON strings such as {"direction": "IN", "type": "queueTrigger", "name": "msg", ..}'."""
    root = write_app(tmp_path / "app", OBEDIENT)

    async with working(root) as (_, functions):
        (trigger,) = functions["obey"].bindings

        assert list(functions) == ["obey"]
        assert (trigger["type"], trigger["direction"], trigger["name"]) == ("queueTrigger", "IN", "msg")
        assert functions["obey"].kind == "queuetrigger"


async def test_retry_policy_is_seen(tmp_path: Path) -> None:
    """'retry_options' tells that a function has a retry policy."""
    source = HEADER + (
        '@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")\n'
        '@app.queue_trigger(arg_name="msg", queue_name="q", connection="c")\n'
        "def again(msg: func.QueueMessage) -> None: ...\n"
    )
    worker = Worker(write_app(tmp_path / "app", source), environment=os.environ, function_timeout=None)

    (found,) = await worker.start()
    await worker.stop()

    assert found.retries


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import nowhere_to_be_found", id="import fails"),
        pytest.param("import sys; sys.exit(0)", id="exits when imported"),
        pytest.param("import os; os._exit(4)", id="dies when imported"),
        pytest.param("app = 1", id="no app in it"),
        pytest.param(HEADER + "other = func.FunctionApp()", id="two apps in it"),
    ],
)
async def test_app_that_cant_be_loaded(tmp_path: Path, source: str) -> None:
    """An app that can't be loaded is an error, and its process ends."""
    worker = Worker(write_app(tmp_path / "app", source), environment=os.environ, function_timeout=None)

    with pytest.raises(AppNotLoadedError):
        await worker.start()


async def test_directory_without_app(tmp_path: Path) -> None:
    """'No function_app.py in the directory: init says Success and the metadata is None. Check it'."""
    worker = Worker(tmp_path, environment=os.environ, function_timeout=None)

    found = await worker.start()
    await worker.stop()

    assert found == ()


async def test_app_has_its_own_directory_and_no_other(tmp_path: Path) -> None:
    """'puts the app's directory on `sys.path` and makes it the current directory before init', and not the host's."""
    source = HEADER + (
        "import beside\n"
        "from importlib.util import find_spec\n"
        "assert find_spec('demo') is None, 'the host shows its own directory'\n"
        "assert Path.cwd() == Path(__file__).parent\n"
    )
    root = write_app(tmp_path / "app", source)
    (root / "beside.py").touch()
    worker = Worker(root, environment=os.environ, function_timeout=None)

    found = await worker.start()
    await worker.stop()

    assert found == ()


async def test_message_arrives_decoded(tmp_path: Path) -> None:
    """The function gets what the real decoding makes of metadata and body."""
    note = tmp_path / "note"
    root = write_app(tmp_path / "app", OBEDIENT)
    metadata = {**METADATA, "InsertionTime": ("json", '"2026-11-23T08:08:59+00:00"')}

    async with working(root) as (worker, functions):
        result = await send(worker, functions["obey"], f"note {note}", metadata=metadata)

    assert result == Result(ok=True)
    assert note.read_text() == '["m1", 1, "2026-11-23T08:08:59+00:00"]'


async def test_exception_is_a_failed_result(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the function comes back with its traceback, and nothing else happens."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        result = await send(worker, functions["obey"], "fail")

    assert (result.ok, result.error) == (False, "ValueError('told to')")
    assert result.trace is not None
    assert "in obey" in result.trace
    assert len(pids(caplog, EventKind.WORKER_STARTED)) == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [("exit", "SystemExit(3)"), ("cancel", "CancelledError()"), ("interrupt", "KeyboardInterrupt()")],
)
async def test_base_exception_fails_one_invocation(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, order: str, error: str
) -> None:
    """'The host must catch BaseException and fail the invocation': the others go on, in the same process."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        beside = asyncio.create_task(send(worker, functions["obey"], "sleep 0.3"))
        result = await send(worker, functions["obey"], order)

        assert (result.ok, result.error) == (False, error)
        assert (await beside).ok
    assert len(pids(caplog, EventKind.WORKER_STARTED)) == 1


async def test_synchronous_function_that_exits(tmp_path: Path) -> None:
    """A synchronous function runs in a thread; sys.exit there fails the invocation as well."""
    source = HEADER + (
        '@app.queue_trigger(arg_name="msg", queue_name="q", connection="c")\n'
        "def leave(msg: func.QueueMessage) -> None:\n"
        "    if msg.get_body() == b'exit': sys.exit(5)\n"
    )

    async with working(write_app(tmp_path / "app", source)) as (worker, functions):
        results = [await send(worker, functions["leave"], body) for body in ("exit", "stay")]

    assert [(each.ok, each.error) for each in results] == [(False, "SystemExit(5)"), (True, None)]


async def test_replies_come_in_any_order(tmp_path: Path) -> None:
    """'one asyncio Task per invocation, in any order'."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        slow = asyncio.create_task(send(worker, functions["obey"], "sleep 5"))
        quick = [send(worker, functions["obey"], "sleep 0.01") for _ in range(20)]
        results = await asyncio.gather(*quick)

        assert all(each.ok for each in results)
        assert not slow.done()
        slow.cancel()


async def test_unknown_function(tmp_path: Path) -> None:
    """'An unknown function id: .. clear text, "function .. not loaded" (B)'."""
    unknown = Function(
        name="gone", function_id="nothing", bindings=({"type": "queueTrigger", "direction": "IN", "name": "msg"},)
    )

    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, _):
        result = await send(worker, unknown, "sleep 0")

    assert (result.ok, result.error) == (False, "function nothing not loaded")


async def test_worker_that_dies_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A worker that dies fails what it ran, and another one takes what comes next."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        beside = asyncio.create_task(send(worker, functions["obey"], "sleep 30"))
        await asyncio.sleep(0)
        result = await send(worker, functions["obey"], "die")
        failed = await beside
        after = await send(worker, functions["obey"], "sleep 0")

    first, second = pids(caplog, EventKind.WORKER_STARTED)
    lost = Result(ok=False, error=f"The worker process {first} ended before the function did.")
    assert (result, failed, after) == (lost, lost, Result(ok=True))
    assert first != second
    assert pids(caplog, EventKind.WORKER_EXITED) == [first, second]


async def test_worker_that_is_killed_again_and_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each worker that is killed has a successor."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        for _ in range(3):
            assert (await send(worker, functions["obey"], "sleep 0")).ok
            pid = pids(caplog, EventKind.WORKER_STARTED)[-1]
            assert pid is not None
            await kill(pid, caplog)
        assert (await send(worker, functions["obey"], "sleep 0")).ok

    assert len(pids(caplog, EventKind.WORKER_STARTED)) == 4


@pytest.mark.parametrize("order", ["sleep 30", "block 30"])
async def test_time_out_ends_the_worker_and_its_other_invocations(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, order: str
) -> None:
    """'a failed invocation: .. plus a restart of the worker process: all other invocations of that worker fail too'.

    A function that blocks the worker's loop is no exception.
    """
    root = write_app(tmp_path / "app", OBEDIENT)

    async with working(root, timeout_seconds=1) as (worker, functions):
        hung = asyncio.create_task(send(worker, functions["obey"], order))
        await asyncio.sleep(0.5)
        beside = asyncio.create_task(send(worker, functions["obey"], "sleep 30"))
        results = [await hung, await beside]
        after = await send(worker, functions["obey"], "sleep 0")

    (timed_out,) = [each for each in events(caplog) if each.kind is EventKind.TIMED_OUT]
    first, _ = pids(caplog, EventKind.WORKER_STARTED)
    assert results == [
        Result(
            ok=False,
            error=(
                "Timeout value of 00:00:01 exceeded by function 'Functions.obey' "
                f"(Id: '{timed_out.invocation_id}'). Initiating cancellation."
            ),
        ),
        Result(ok=False, error=f"The worker process {first} ended before the function did."),
    ]
    assert after == Result(ok=True)


async def test_invocation_while_the_worker_restarts_waits_for_it(tmp_path: Path) -> None:
    """What is asked for between two workers runs in the second."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        await send(worker, functions["obey"], "die")
        results = await asyncio.gather(*(send(worker, functions["obey"], "sleep 0") for _ in range(3)))

    assert results == [Result(ok=True)] * 3


async def test_app_that_breaks_while_it_runs(tmp_path: Path) -> None:
    """An app that can't be loaded any more after its worker ended stops the host, after three attempts."""
    root = write_app(tmp_path / "app", OBEDIENT)
    waits: list[float] = []

    async def at_once(seconds: float) -> None:
        waits.append(seconds)

    worker = Worker(root, environment={**os.environ, "QUEUE": "work"}, function_timeout=None, sleep=at_once)
    (found,) = await worker.start()
    running = asyncio.create_task(worker.run())
    (root / "function_app.py").write_text("app = 1", encoding="utf-8")

    await send(worker, function_of(found), "die")
    with pytest.raises(AppNotLoadedError):
        await asyncio.wait_for(running, WAIT_SECONDS)
    after = await send(worker, function_of(found), "sleep 0")

    assert waits == [0.1, 5.0, 5.0]
    assert not after.ok


async def test_signals_to_the_group_leave_the_worker_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A terminal's Ctrl+C reaches the worker too; it goes on until the host hangs up."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        (pid,) = pids(caplog, EventKind.WORKER_STARTED)
        assert pid is not None
        beside = asyncio.create_task(send(worker, functions["obey"], "sleep 0.3"))
        await send(worker, functions["obey"], "sleep 0")
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)

        assert (await beside).ok
    assert [each.error for each in events(caplog) if each.kind is EventKind.WORKER_EXITED] == ["exit code 0"]


async def test_stop_ends_a_worker_that_blocks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A worker whose loop is blocked doesn't see that the host hung up, and is killed."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        blocked = asyncio.create_task(send(worker, functions["obey"], "block 60"))
        await asyncio.sleep(0.3)
    result = await blocked

    assert not result.ok
    assert [each.error for each in events(caplog) if each.kind is EventKind.WORKER_EXITED] == ["exit code -9"]


async def test_http_values_go_there_and_back(tmp_path: Path) -> None:
    """'HTTP request | http | dict(method, url, headers, body, params, query) of Datum', and the response likewise."""
    source = HEADER + (
        '@app.route(route="x", auth_level=func.AuthLevel.ANONYMOUS)\n'
        "def echo(req: func.HttpRequest) -> func.HttpResponse:\n"
        '    text = " ".join([req.method, req.url, req.headers["a"], req.params["q"], req.route_params["p"]])\n'
        "    return func.HttpResponse(text.encode() + req.get_body(), status_code=201, headers={'Set-Cookie': 'k=v'})\n"
    )
    request: Datum = (
        "http",
        {
            "method": ("string", "POST"),
            "url": ("string", "http://h/api/x"),
            "headers": {"a": ("string", "1")},
            "params": {"p": ("string", "3")},
            "query": {"q": ("string", "2")},
            "body": ("bytes", b"!"),
        },
    )

    async with working(write_app(tmp_path / "app", source)) as (worker, functions):
        result = await worker.invoke(functions["echo"], inputs={"req": request}, metadata={}, reason="test")

    assert result.returned is not None
    kind, value = result.returned
    assert kind == "http"
    assert value["status_code"] == ("string", "201")
    assert value["body"] == ("bytes", b"POST http://h/api/x 1 2 3!")
    (cookie,) = value["cookies"]
    assert cookie == SimpleCookie("k=v")


async def test_start_and_end_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the host's own lines, "Executing" and "Executed", with the invocation's id."""
    async with working(write_app(tmp_path / "app", OBEDIENT)) as (worker, functions):
        await send(worker, functions["obey"], "sleep 0")

    (executing, executed) = [each for each in events(caplog) if each.function == "obey"]
    assert (executing.kind, executed.kind, executed.ok) == (EventKind.EXECUTING, EventKind.EXECUTED, True)
    assert executing.invocation_id == executed.invocation_id
    assert f"Executing 'Functions.obey' (Reason='test', Id={executing.invocation_id})" in caplog.messages
