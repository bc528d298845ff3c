"""The HTTP addresses, as an operator uses them."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncGenerator

from functions_host.functions import Function
from functions_host.host_json import HttpOptions
from functions_host.http_server import FrontEnd, listening
from functions_host.keys import Keys
from functions_host.worker import Worker
from shared.model.messages import Queue
from tests.end_to_end.exchanges import Exchange
from tests.end_to_end.pipeline import DATASETS, Pipeline, settings_of, wait_until
from tests.end_to_end.wire import Moment
from tests.integration.functions_host.clients import ask
from tests.unit.functions_host.doubles import make_admin


def test_run(pipeline: Pipeline) -> None:
    """A run is begun with 202, with its id and the address of its status, which tells of it until it is complete."""
    asset = pipeline.serve(b"asked for", dataset="asked")
    pipeline.publish("asked", [asset])

    code, answer = pipeline.ask("POST", "datasets/asked/runs")
    wait_until(lambda: pipeline.ask("GET", "datasets/asked")[1]["run"]["state"] == "complete")
    wait_until(lambda: len(pipeline.rows(asset)) == 1 and pipeline.outstanding() == 0)

    _, status = pipeline.ask("GET", "datasets/asked")
    address = f"{pipeline.host.url}/api/datasets/asked"
    assert (code, answer) == (202, {"dataset": "asked", "run": status["run"]["run"], "status": address})
    assert (status["run"]["trigger"], status["counts"]["sent"]) == ("request", 1)


def test_run_while_another_makes_progress(pipeline: Pipeline) -> None:
    """A second run of a dataset is refused with 409, which names the first; once that is complete there is a third."""
    pipeline.publish("held", [])
    release = threading.Event()

    async def hold() -> None:
        await asyncio.to_thread(release.wait, 20)

    def keeps_page(exchange: Exchange) -> bool:
        return exchange.is_commit and exchange.path.startswith("pages/held/")

    with pipeline.wire.hook(keeps_page, moment=Moment.ARRIVED, call=hold):
        try:
            _, first = pipeline.ask("POST", "datasets/held/runs")
            code, second = pipeline.ask("POST", "datasets/held/runs")
        finally:
            release.set()
        wait_until(lambda: pipeline.ask("GET", "datasets/held")[1]["run"]["state"] == "complete")
    third, _ = pipeline.ask("POST", "datasets/held/runs")
    wait_until(lambda: pipeline.outstanding() == 0)

    assert (code, second["run"]) == (409, first["run"])
    assert second["error"].startswith(f"run {first['run']} makes progress, last at ")
    assert third == 202


def test_unknown_dataset(pipeline: Pipeline) -> None:
    """A dataset that isn't defined is answered 404, with the names of those that are."""
    error = {"error": f"no dataset is called 'nowhere'; these are defined: {', '.join(sorted(DATASETS))}"}

    asked, told = pipeline.ask("POST", "datasets/nowhere/runs"), pipeline.ask("GET", "datasets/nowhere")

    assert asked == told == (404, error)


def test_window_that_is_no_window(pipeline: Pipeline) -> None:
    """A window that can't be read is answered 400, with the field that is wrong; so is one where there are no times."""
    windows: dict[str, object] = {
        "since": {"since": "yesterday"},
        "until": {"since": "2024-01-01T00:00:00Z", "until": "2024-01-01"},
        "from": {"from": "2024-01-01T00:00:00Z"},
        "body": "all",
    }

    answers = {field: pipeline.ask("POST", "datasets/direct/runs", window) for field, window in windows.items()}
    timeless = pipeline.ask("POST", "datasets/direct/runs", {"since": "2024-01-01T00:00:00Z"})

    assert {field: (code, answer["field"]) for field, (code, answer) in answers.items()} == {
        field: (400, field) for field in windows
    }
    error = "a catalog of kind manifest has no times: leave since and until out"
    assert timeless == (400, {"error": error, "field": "since"})
    assert pipeline.ask("GET", "datasets/direct")[1]["run"] is None


def test_status(pipeline: Pipeline) -> None:
    """The status tells of every dataset and every queue, and when discovery is withheld."""
    code, status = pipeline.ask("GET", "status")

    assert code == 200
    assert set(status) == {"at", "datasets", "queues", "withholding", "stale"}
    assert set(status["datasets"]) == set(DATASETS)
    assert {name: set(each) for name, each in status["queues"].items()} == {
        queue.value: {"outstanding", "poison"} for queue in Queue
    }
    numbers = {"saturation": 1.5, "capacity": 24, "limit": 36, "outstanding": status["queues"]["copy"]["outstanding"]}
    assert status["withholding"] == {**numbers, "waiting": {}}


def test_health(pipeline: Pipeline) -> None:
    """Health is 200 and says no more."""
    assert pipeline.ask("GET", "health") == (200, None)


async def test_keys(pipeline: Pipeline) -> None:
    """Where keys are asked for, everything but health is 401 without one, and answered with one."""
    paths = {"health": "GET", "status": "GET", "datasets/direct": "GET", "datasets/nowhere/runs": "POST"}

    async with _asking_for_keys(pipeline, key="the-key") as url:
        without = {path: (await ask(method, f"{url}/api/{path}")).status for path, method in paths.items()}
        headers = {"x-functions-key": "the-key"}
        with_one = {
            path: (await ask(method, f"{url}/api/{path}", headers=headers)).status for path, method in paths.items()
        }

    assert without == {"health": 200, "status": 401, "datasets/direct": 401, "datasets/nowhere/runs": 401}
    assert with_one == {"health": 200, "status": 200, "datasets/direct": 200, "datasets/nowhere/runs": 404}


@contextlib.asynccontextmanager
async def _asking_for_keys(pipeline: Pipeline, *, key: str) -> AsyncGenerator[str]:
    """Serve the app's HTTP functions by a worker of their own: the host as it is started asks for no keys."""
    worker = Worker(pipeline.root, environment={**os.environ, **settings_of(pipeline.wire)}, function_timeout=None)
    functions = [
        Function(name=each.name, function_id=each.function_id, bindings=each.bindings) for each in await worker.start()
    ]
    running = asyncio.create_task(worker.run())
    keys = Keys(enable_auth=True, host=(key,))
    front = FrontEnd(invoker=worker, admin=make_admin(worker), options=HttpOptions(), keys=keys)
    front.open(functions)
    try:
        async with listening(front.application(), address="127.0.0.1", port=0) as port:
            yield f"http://127.0.0.1:{port}"
    finally:
        await worker.stop()
        await asyncio.wait_for(running, 20)
