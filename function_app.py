"""The triggers: decode, one call into ``shared``, return."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from shared.api import ROUTES, Asked, Route, respond
from shared.clients import Process
from shared.model.messages import Queue

# Every hour, a minute that nobody else is likely to choose. What the platform itself puts aside expires after a week.
_PRESERVE_SCHEDULE = "0 37 * * * *"
# Alarms look back over half an hour of these: some of them may be lost.
_GAUGES_SCHEDULE = "30 */5 * * * *"

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
process = Process()


@app.timer_trigger(arg_name="timer", schedule="%DISCOVER_SCHEDULE%", run_on_startup=False)
async def discover_on_schedule(timer: func.TimerRequest) -> None:
    """Begin a run of every dataset whose own schedule is due."""
    del timer
    await (await process.app()).starting.start_due()


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


@app.timer_trigger(arg_name="timer", schedule=_PRESERVE_SCHEDULE, run_on_startup=False)
async def preserve_poison(timer: func.TimerRequest) -> None:
    """Keep for ever, with its reason, what the platform put into a poison queue."""
    del timer
    await (await process.app()).preserving.run()


@app.timer_trigger(arg_name="timer", schedule=_GAUGES_SCHEDULE, run_on_startup=False)
async def write_gauges(timer: func.TimerRequest) -> None:
    """Log how things stand, for alarms."""
    del timer
    await (await process.app()).gauges.write()


def _served(route: Route) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
    """The function that answers at a route, called as the route is."""

    async def serve(req: func.HttpRequest) -> func.HttpResponse:
        asked = Asked(
            method=req.method,
            url=req.url,
            params=req.route_params,
            query=req.params,
            headers={name.lower(): req.headers[name] for name in req.headers},
            body=req.get_body(),
        )
        answer = await respond(route, process, asked)
        return func.HttpResponse(
            answer.body, status_code=answer.status, headers=dict(answer.headers), mimetype=answer.media_type
        )

    serve.__name__ = route.name
    return serve


for each in ROUTES:
    level = func.AuthLevel[each.level]
    app.route(route=each.path, methods=list(each.methods), auth_level=level)(_served(each))
