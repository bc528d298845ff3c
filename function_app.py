"""The triggers: decode, one call into ``shared``, return."""

import functools
import json
from collections.abc import Awaitable, Callable

import azure.functions as func
from pydantic import BaseModel

from shared.clients import Process
from shared.model.errors import HTTP_STATUS
from shared.model.messages import Queue
from shared.model.windows import parse_window

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
process = Process()
type Route = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def _telling(route: Route) -> Route:
    """Answer with the problem, and the fields of its error, where it is the caller's."""

    @functools.wraps(route)
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await route(req)
        except tuple(HTTP_STATUS) as error:
            return _json({"error": str(error), **vars(error)}, HTTP_STATUS[type(error)])

    return answer


@app.timer_trigger(arg_name="timer", schedule="%DISCOVER_SCHEDULE%", run_on_startup=False)
async def discover_on_schedule(timer: func.TimerRequest) -> None:
    """Begin a run of every dataset whose own schedule is due."""
    del timer
    await (await process.app()).starting.start_due()


@app.route(route="datasets/{dataset}/runs", methods=["POST"])
@_telling
async def discover_on_request(req: func.HttpRequest) -> func.HttpResponse:
    """Begin a run of one dataset, of all its time or of a window: ``{"since": "...", "until": "..."}``."""
    dataset, window = req.route_params["dataset"], parse_window(req.get_body())
    run = await (await process.app()).starting.start(dataset, window=window, trigger="request")
    address = req.url.partition("?")[0].removesuffix("/runs")
    return _json({"dataset": dataset, "run": run.run, "status": address}, 202)


@app.route(route="datasets/{dataset}/runs/{run}", methods=["DELETE"])
@_telling
async def cancel_run(req: func.HttpRequest) -> func.HttpResponse:
    """End a run; what it has asked for is copied all the same."""
    dataset, run = req.route_params["dataset"], req.route_params["run"]
    return _json(await (await process.app()).control.cancel(dataset, run, by="request"))


@app.route(route="datasets/{dataset}/pause", methods=["PUT", "DELETE"])
@_telling
async def pause_dataset(req: func.HttpRequest) -> func.HttpResponse:
    """Hold a dataset's discovery back (PUT), or let it go on (DELETE)."""
    control, dataset = (await process.app()).control, req.route_params["dataset"]
    return _json(await (control.resume(dataset) if req.method == "DELETE" else control.pause(dataset, by="request")))


@app.queue_trigger(arg_name="message", queue_name=Queue.DISCOVER.value, connection="SluiceStorage")
async def discover_page(message: func.QueueMessage) -> None:
    """Work one page of one run."""
    await (await process.app()).discovery.deliver(message.get_body(), delivery=message.dequeue_count or 1)


@app.queue_trigger(arg_name="message", queue_name=Queue.COPY.value, connection="SluiceStorage")
async def copy_asset(message: func.QueueMessage) -> None:
    """Copy what a run asked for."""
    await (await process.app()).copying.deliver(message.get_body(), lane=Queue.COPY)


@app.queue_trigger(arg_name="message", queue_name=Queue.COPY_LIVE.value, connection="SluiceStorage")
async def copy_live_asset(message: func.QueueMessage) -> None:
    """Copy what an event asked for: new assets never stand behind a backfill."""
    await (await process.app()).copying.deliver(message.get_body(), lane=Queue.COPY_LIVE)


@app.queue_trigger(arg_name="message", queue_name=Queue.COPY_LATER.value, connection="SluiceStorage")
async def copy_later_asset(message: func.QueueMessage) -> None:
    """Copy what was put off: a slow host must not look like a full queue."""
    await (await process.app()).copying.deliver(message.get_body(), lane=Queue.COPY_LATER)


@app.queue_trigger(arg_name="message", queue_name=Queue.PUBLISH.value, connection="SluiceStorage")
async def publish_item(message: func.QueueMessage) -> None:
    """Publish an item if it is whole."""
    await (await process.app()).publishing.deliver(message.get_body())


@app.route(route="status", methods=["GET"])
async def status(req: func.HttpRequest) -> func.HttpResponse:
    """Tell of all datasets and queues."""
    del req
    return _json(await (await process.app()).status.report())


@app.route(route="datasets/{dataset}", methods=["GET"])
@_telling
async def dataset_status(req: func.HttpRequest) -> func.HttpResponse:
    """Tell of one dataset."""
    return _json(await (await process.app()).status.of(req.route_params["dataset"]))


@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200 or 503, and no more than that."""
    del req
    return func.HttpResponse(status_code=200 if await process.is_healthy() else 503)


def _json(value: BaseModel | dict[str, str], status_code: int = 200) -> func.HttpResponse:
    text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)
    return func.HttpResponse(text, status_code=status_code, mimetype="application/json")
