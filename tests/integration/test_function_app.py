"""The app's functions, called as the worker calls them, with the real process behind them on Azurite."""

import json
import logging
import uuid
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.functions.queue import QueueMessage
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from pydantic import ValidationError
from pytest_mock import MockerFixture

import function_app
from demo.azurite import Azurite
from demo.processes import free_ports
from shared.clients import Process
from shared.model.counts import Counts
from shared.model.messages import CopyRequest, PageRequest, Queue
from shared.model.plans import PlanReport
from shared.model.rows import Hold, Run, RunState
from shared.model.settings import Settings
from shared.status import DatasetStatus, QueueStatus, StatusReport
from shared.storage.accounts import Account, open_account
from shared.storage.creation import QUEUES, create_missing
from tests.fakes.raw_server import Answer, RawServer, reply
from tests.unit.model.builders import NOON, asset

_LANES = [
    (Queue.DISCOVER, function_app.discover_page),
    (Queue.COPY, function_app.copy_asset),
    (Queue.COPY_LIVE, function_app.copy_live_asset),
    (Queue.COPY_LATER, function_app.copy_later_asset),
]
_QUEUES = [*_LANES, (Queue.PUBLISH, function_app.publish_item)]
#: By name; those that HTTP triggers have no other. An app can list its functions once.
_FUNCTIONS: dict[str | None, Any] = {
    each.get_function_name(): each.get_user_function() for each in function_app.app.get_functions()
}
_DATASET = """
[datasets.{name}]
schedule = "15 3 * * *"
catalog = {{ kind = "manifest", url = "file:list.csv" }}
destination = {{ container = "{name}", name = "{{path}}" }}

[datasets.{name}.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}]
private_networks = ["127.0.0.0/8"]
"""


@pytest.fixture
def name() -> str:
    """A dataset of this test's own: the tables are everybody's."""
    return f"d-{uuid.uuid4().hex}"


@pytest.fixture
async def account(storage: Azurite) -> AsyncGenerator[Account]:
    """The app's account, its queues empty."""
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        await create_missing(account, containers=[])
        for each in QUEUES:
            await account.queues.get_queue_client(each).clear_messages()
        yield account


@pytest.fixture
def logging_as_it_was() -> Generator[None]:
    """Opening an app configures the logging of its process."""
    factory = logging.getLogRecordFactory()
    levels = {each: logging.getLogger(each).level for each in ("aiohttp", "azure", "urllib3")}
    yield
    logging.setLogRecordFactory(factory)
    for each, level in levels.items():
        logging.getLogger(each).setLevel(level)


@pytest.fixture(autouse=True)
async def process(
    account: Account,
    logging_as_it_was: None,
    storage: Azurite,
    server: RawServer,
    name: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Process]:
    """The process behind the functions, in a folder with one dataset: a manifest of two files on a server."""
    del account, logging_as_it_was
    (tmp_path / "host.json").write_bytes((root / "host.json").read_bytes())
    (tmp_path / "datasets.toml").write_text(_DATASET.format(name=name, port=server.port), encoding="utf-8")
    (tmp_path / "list.csv").write_text(f"url\n{server.url('/a.bin')}\n{server.url('/b.bin')}\n", encoding="utf-8")
    server.answers = {"/a.bin": (Answer(sent=reply(b"one")),), "/b.bin": (Answer(sent=reply(b"other")),)}
    monkeypatch.setenv("SluiceStorage", storage.connection_string)
    monkeypatch.setenv("STORAGE_CREATE_MISSING", "true")
    process = Process(tmp_path)
    monkeypatch.setattr(function_app, "process", process)
    yield process
    await process.close()


async def test_a_run_is_accepted(account: Account, name: str) -> None:
    """202 names the run and where its status stands; by then the run's first page is in the queue."""
    status, answer = await _begin(name, b"")

    run = answer["run"]
    assert status == 202
    assert answer == {"dataset": name, "run": run, "status": f"https://sluice.example.org/api/datasets/{name}"}
    assert await _taken(account, Queue.DISCOVER) == [PageRequest(dataset=name, run=run).encode().encode()]


async def test_a_plan_is_accepted_and_told(account: Account, name: str) -> None:
    """202 names the plan and where it stands; worked, it tells what a run would ask for, and nothing was sent."""
    status, answer = await _begin(name, plan="true")
    (page,) = await _taken(account, Queue.DISCOVER)
    await function_app.discover_page(func.QueueMessage(body=page))

    told = await _answer(
        "plan_status", _request("GET", f"datasets/{name}/plans/{answer['plan']}", dataset=name, plan=answer["plan"])
    )
    address = f"https://sluice.example.org/api/datasets/{name}/plans/{answer['plan']}"
    assert (status, answer) == (202, {"dataset": name, "plan": answer["plan"], "status": address})
    report = PlanReport.model_validate_json(told.get_body())
    assert (report.state, report.counts) == (RunState.COMPLETE, Counts(available=2, items_sent=2, sent=2))
    assert await _taken(account, Queue.COPY) == []
    found = await _status(name)
    assert (found.run, found.plan and found.plan.run) == (None, answer["plan"])


async def test_a_dataset_is_held_and_let_go(name: str) -> None:
    """PUT pauses and DELETE resumes; in between a run can be cancelled, and none begins."""
    _, begun = await _begin(name)
    paused = await _answer("pause_dataset", _request("PUT", f"datasets/{name}/pause", dataset=name))
    cancelled = await _answer(
        "cancel_run", _request("DELETE", f"datasets/{name}/runs/{begun['run']}", dataset=name, run=begun["run"])
    )
    status, answer = await _begin(name)
    resumed = await _answer("pause_dataset", _request("DELETE", f"datasets/{name}/pause", dataset=name))

    assert Hold.model_validate_json(paused.get_body()).paused_by == "request"
    assert Run.model_validate_json(cancelled.get_body()).state is RunState.CANCELLED
    assert (status, answer["error"].startswith(f"{name} is paused since ")) == (409, True)
    assert Hold.model_validate_json(resumed.get_body()) == Hold(dataset=name)


@pytest.mark.parametrize("plan", ["yes", "", "1"])
async def test_what_may_be_a_plan_begins_no_run(account: Account, name: str, plan: str) -> None:
    """Only true and false are clear; anything else is refused, with the way out."""
    status, answer = await _begin(name, plan=plan)

    assert (status, answer) == (400, {"error": f"plan is true or false, not {plan!r}", "field": "plan"})
    assert await _taken(account, Queue.DISCOVER) == []


async def test_what_is_no_plan_begins_a_run(name: str) -> None:
    """False says what is so anyway."""
    assert "run" in (await _begin(name, plan="False"))[1]


async def test_a_run_that_is_under_way_is_a_conflict(account: Account, name: str) -> None:
    """409 names the run that stands in the way, and nothing is sent."""
    _, begun = await _begin(name)
    await _taken(account, Queue.DISCOVER)

    status, answer = await _begin(name)

    assert status == 409
    assert answer["run"] == begun["run"]
    assert answer["error"].startswith(f"run {begun['run']} makes progress, last at ")
    assert await _taken(account, Queue.DISCOVER) == []


async def test_a_run_of_no_dataset_is_not_found(account: Account, name: str) -> None:
    """404 names the datasets that are defined, and nothing is sent."""
    status, answer = await _begin("nowhere")

    assert status == 404
    assert answer == {"error": f"no dataset is called 'nowhere'; these are defined: {name}"}
    assert await _taken(account, Queue.DISCOVER) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"since": "tomorrow"}', "since"),
        (b'{"until": 1.5e99}', "until"),
        (b'{"from": "2024-01-01T00:00:00Z"}', "from"),
        (b'{"since": "2024-01-02T00:00:00Z", "until": "2024-01-01T00:00:00Z"}', "body"),
        (b"not JSON", "body"),
        (b"\xff", "body"),
        # A manifest has no times.
        (b'{"since": "2024-01-01T00:00:00Z"}', "since"),
        (b'{"until": "2024-01-01T00:00:00Z"}', "until"),
    ],
)
async def test_a_window_that_cant_be_asked_for_is_refused(account: Account, name: str, body: bytes, field: str) -> None:
    """400 names the field, and no run begins."""
    status, answer = await _begin(name, body)

    assert (status, answer["field"]) == (400, field)
    assert set(answer) == {"error", "field"}
    assert await _taken(account, Queue.DISCOVER) == []


async def test_a_timer_begins_what_is_due(account: Account, name: str) -> None:
    """A dataset whose schedule never began a run is due, and only once."""
    for _ in range(2):
        await function_app.discover_on_schedule(func.TimerRequest())

    (body,) = await _taken(account, Queue.DISCOVER)
    assert PageRequest.decode(body).dataset == name
    assert (await _status(name)).run is not None


async def test_a_timer_preserves_poison(account: Account, name: str) -> None:
    """What the runtime put aside for a week is there for ever, with a reason."""
    request = CopyRequest(dataset=name, cause="run-1", asked_at=NOON, assets=(asset(),))
    poison = account.queues.get_queue_client(Queue.COPY.poison, message_encode_policy=TextBase64EncodePolicy())
    await poison.send_message(request.encode())

    await function_app.preserve_poison(func.TimerRequest())

    (found,) = await poison.peek_messages()
    assert found.expires_on is not None
    assert found.expires_on.year == 9999
    (body,) = await _taken(account, Queue.COPY.poison)
    kept = CopyRequest.decode(body)
    assert kept.reason is not None
    assert (kept.reason.error, kept.model_copy(update={"reason": None})) == ("NeverStarted", request)


async def test_a_run_is_worked_to_its_end(account: Account, name: str) -> None:
    """A page becomes copy requests, a copy request a blob and a ledger row, and the status tells of both."""
    await _begin(name)
    for each in await _taken(account, Queue.DISCOVER):
        await function_app.discover_page(func.QueueMessage(body=each))
    requests = await _taken(account, Queue.COPY)
    for each in requests:
        await function_app.copy_asset(func.QueueMessage(body=each))
    again = await _begin(name)
    for each in await _taken(account, Queue.DISCOVER):
        await function_app.discover_page(func.QueueMessage(body=each))

    assert len(requests) == 2
    assert await _blobs(account, name) == {"a.bin": b"one", "b.bin": b"other"}
    assert again[0] == 202
    assert await _taken(account, Queue.COPY) == []
    found = await _status(name)
    assert found.run is not None
    assert (found.run.run, found.run.state) == (again[1]["run"], RunState.COMPLETE)
    assert found.counts == Counts(available=2, items_already=2, already=2)


async def test_a_page_that_fails_for_the_last_time(account: Account, name: str) -> None:
    """By the runtime's own count: before the message is put aside, the status says that the run failed."""
    _, begun = await _begin(name)
    (body,) = await _taken(account, Queue.DISCOVER)
    # A kept page that can't be read.
    await account.blobs.get_blob_client("pages", f"{name}/{begun['run']}/1/0.json").upload_blob(b"{")
    states: list[RunState] = []
    for count in (4, 5):
        with pytest.raises(ValidationError):
            await function_app.discover_page(QueueMessage(body=body, dequeue_count=count))
        found = await _status(name)
        states += [found.run.state] if found.run else []

    assert states == [RunState.RUNNING, RunState.FAILED]


@pytest.mark.parametrize(("queue", "function"), _LANES[1:], ids=[each.value for each, _ in _LANES[1:]])
async def test_every_lane_copies(account: Account, server: RawServer, name: str, queue: Queue, function: Any) -> None:
    """Whichever lane a copy request comes by, its asset becomes a blob, and nothing is sent on."""
    await account.blobs.create_container(name)
    wanted = asset(href=server.url("/a.bin"), name="a.bin")
    request = CopyRequest(dataset=name, cause="run-1", asked_at=NOON, assets=(wanted,))

    await function(func.QueueMessage(body=request.encode().encode()))

    assert await _blobs(account, name) == {"a.bin": b"one"}
    assert await _taken(account, queue) == []


@pytest.mark.parametrize(("queue", "function"), _QUEUES, ids=[each.value for each, _ in _QUEUES])
async def test_every_queue_has_its_own_poison(account: Account, queue: Queue, function: Any) -> None:
    """A message that is none of ours goes to the poison queue of the queue it came by, and to no other."""
    await function(func.QueueMessage(body=b"junk"))

    assert {each: await _taken(account, each) for each in QUEUES} == {
        each: [b"junk"] if each == queue.poison else [] for each in QUEUES
    }


async def test_the_status_is_json(account: Account, name: str) -> None:
    """All datasets and queues, as the model reads it."""
    await _begin(name)
    await account.queues.get_queue_client("copy-poison").send_message("junk")

    answer = await _answer("status", _request("GET", "status"))

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    report = StatusReport.model_validate_json(answer.get_body())
    assert set(report.datasets) == {name}
    assert report.queues == {
        "discover": QueueStatus(outstanding=1, poison=0),
        "copy": QueueStatus(outstanding=0, poison=1),
        "copy-live": QueueStatus(outstanding=0, poison=0),
        "copy-later": QueueStatus(outstanding=0, poison=0),
        "publish": QueueStatus(outstanding=0, poison=0),
    }
    assert (report.withholding.saturation, report.withholding.capacity) == (1.5, 24)


async def test_the_status_of_no_dataset_is_not_found(name: str) -> None:
    """404 names the datasets that are defined."""
    answer = await _answer("dataset_status", _request("GET", "datasets/nowhere", dataset="nowhere"))

    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert json.loads(answer.get_body()) == {"error": f"no dataset is called 'nowhere'; these are defined: {name}"}


async def test_healthy() -> None:
    """200 and no more than that."""
    answer = await _answer("health", _request("GET", "health"))

    assert (answer.status_code, answer.get_body()) == (200, b"")


async def test_not_healthy_while_storage_is_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    """503 and no more than that, both where the app can't be opened and where it is open already."""
    (port,) = free_ports(1)
    endpoints = "".join(f"{each}Endpoint=http://127.0.0.1:{port}/a;" for each in ("Blob", "Queue", "Table"))
    monkeypatch.setenv("SluiceStorage", f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;{endpoints}")
    # The waits between the clients' tries: chance decides them, here for none.
    mocker.patch("random.SystemRandom.uniform", return_value=0)

    answers: list[tuple[int, bytes]] = []
    for creates in ("true", "false"):
        monkeypatch.setenv("STORAGE_CREATE_MISSING", creates)
        answer = await _answer("health", _request("GET", "health"))
        answers.append((answer.status_code, answer.get_body()))

    assert answers == [(503, b""), (503, b"")]


async def _answer(function: str, request: func.HttpRequest) -> func.HttpResponse:
    """What a function of this name answers."""
    return await _FUNCTIONS[function](request)


def _request(
    method: str, path: str, body: bytes = b"", *, query: dict[str, str] | None = None, **route: str
) -> func.HttpRequest:
    url = f"https://sluice.example.org/api/{path}?code=secret"
    return func.HttpRequest(method=method, url=url, route_params=route, params=query, body=body)


async def _begin(name: str, body: bytes = b"{}", **query: str) -> tuple[int, dict[str, Any]]:
    """Ask for a run of a dataset; return the status and the document of the answer."""
    request = _request("POST", f"datasets/{name}/runs", body, query=query, dataset=name)
    answer = await _answer("discover_on_request", request)
    assert answer.mimetype == "application/json"
    return answer.status_code, json.loads(answer.get_body())


async def _status(name: str) -> DatasetStatus:
    answer = await _answer("dataset_status", _request("GET", f"datasets/{name}", dataset=name))
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return DatasetStatus.model_validate_json(answer.get_body())


async def _taken(account: Account, queue: str) -> list[bytes]:
    """Take all messages out of a queue, as they are decoded for a function."""
    client = account.queues.get_queue_client(queue, message_decode_policy=TextBase64DecodePolicy())
    bodies: list[bytes] = []
    async for each in client.receive_messages():
        bodies.append(str(each.content).encode())
        await client.delete_message(each)
    return bodies


async def _blobs(account: Account, container: str) -> dict[str, bytes]:
    client = account.blobs.get_container_client(container)
    names = [each.name async for each in client.list_blobs()]
    return {each: await (await client.download_blob(each)).readall() for each in names}
