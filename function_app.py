"""The triggers: decode, one call into ``shared``, return."""

import json

import azure.functions as func
from pydantic import BaseModel

from shared.clients import Process
from shared.model.errors import RunConflictError, UnknownDatasetError, WindowError
from shared.model.messages import Queue
from shared.model.windows import parse_window

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
process = Process()


@app.timer_trigger(arg_name="timer", schedule="%DISCOVER_SCHEDULE%", run_on_startup=False)
async def discover_on_schedule(timer: func.TimerRequest) -> None:
    """Begin a run of every dataset whose own schedule is due."""
    del timer
    await (await process.app()).starting.start_due()


@app.route(route="datasets/{dataset}/runs", methods=["POST"])
async def discover_on_request(req: func.HttpRequest) -> func.HttpResponse:
    """Begin a run of one dataset, of all its time or of a window: ``{"since": "...", "until": "..."}``."""
    dataset = req.route_params["dataset"]
    try:
        window = parse_window(req.get_body())
        run = await (await process.app()).starting.start(dataset, window=window, trigger="request")
    except UnknownDatasetError as error:
        return _problem(404, str(error))
    except RunConflictError as error:
        return _problem(409, str(error), run=error.run)
    except WindowError as error:
        return _problem(400, str(error), field=error.field)
    address = req.url.partition("?")[0].removesuffix("/runs")
    answer = {"dataset": dataset, "run": run.run, "status": address}
    return func.HttpResponse(json.dumps(answer), status_code=202, mimetype="application/json")


@app.queue_trigger(arg_name="message", queue_name=Queue.DISCOVER.value, connection="SluiceStorage")
async def discover_page(message: func.QueueMessage) -> None:
    """Work one page of one run."""
    await (await process.app()).discovery.deliver(message.get_body())


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


@app.route(route="status", methods=["GET"])
async def status(req: func.HttpRequest) -> func.HttpResponse:
    """Tell of all datasets and queues."""
    del req
    return _shown(await (await process.app()).status.report())


@app.route(route="datasets/{dataset}", methods=["GET"])
async def dataset_status(req: func.HttpRequest) -> func.HttpResponse:
    """Tell of one dataset."""
    try:
        return _shown(await (await process.app()).status.of(req.route_params["dataset"]))
    except UnknownDatasetError as error:
        return _problem(404, str(error))


@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200 or 503, and no more than that."""
    del req
    return func.HttpResponse(status_code=200 if await process.is_healthy() else 503)


def _shown(value: BaseModel) -> func.HttpResponse:
    return func.HttpResponse(value.model_dump_json(), mimetype="application/json")


def _problem(status_code: int, error: str, **more: str) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({"error": error, **more}), status_code=status_code, mimetype="application/json")
