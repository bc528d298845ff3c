"""Runs, pauses and what is to be told of datasets."""

from shared.api.exchange import Answer, Asked
from shared.clients import App, Process
from shared.model.errors import QueryInvalidError
from shared.model.windows import parse_window


async def begin_run(app: App, asked: Asked) -> Answer:
    """Begin a run of one dataset, of all its time or of a window: ``{"since": "...", "until": "..."}``.

    With ``?plan=true`` nothing is asked for: it is counted what a run would do.
    """
    dataset, window = asked.params["dataset"], parse_window(asked.body)
    if _flag(asked, "plan"):
        plan = await app.planning.begin(dataset, window=window)
        address = f"{asked.address.removesuffix('/runs')}/plans/{plan.run}"
        return Answer.of({"dataset": dataset, "plan": plan.run, "status": address}, status=202)
    run = await app.starting.start(dataset, window=window, trigger="request")
    status = asked.address.removesuffix("/runs")
    return Answer.of({"dataset": dataset, "run": run.run, "status": status}, status=202)


async def plan(app: App, asked: Asked) -> Answer:
    """Tell what a plan has found."""
    return Answer.of(await app.planning.report(asked.params["dataset"], asked.params["plan"]))


async def cancel_run(app: App, asked: Asked) -> Answer:
    """End a run; what it has asked for is copied all the same."""
    return Answer.of(await app.control.cancel(asked.params["dataset"], asked.params["run"], by="request"))


async def pause(app: App, asked: Asked) -> Answer:
    """Hold a dataset's discovery back (PUT), or let it go on (DELETE)."""
    dataset = asked.params["dataset"]
    if asked.method == "DELETE":
        return Answer.of(await app.control.resume(dataset))
    return Answer.of(await app.control.pause(dataset, by="request"))


async def status(app: App, asked: Asked) -> Answer:
    """Tell of all datasets and queues.

    With ``?reasons=true`` also why the first messages of each poison queue stand there, with ``?history=true`` also
    what the lanes held in the last hour.
    """
    reasons, history = _flag(asked, "reasons"), _flag(asked, "history")
    return Answer.of(await app.status.report(with_reasons=reasons, with_history=history))


async def dataset_status(app: App, asked: Asked) -> Answer:
    """Tell of one dataset."""
    return Answer.of(await app.status.of(asked.params["dataset"]))


async def health(process: Process, asked: Asked) -> Answer:
    """Answer 200 or 503, and no more than that."""
    del asked
    return Answer(status=200 if await process.is_healthy() else 503, media_type="text/plain")


def _flag(asked: Asked, name: str) -> bool:
    """Whether something is asked for; what is unclear must not begin a run."""
    match asked.query.get(name, "false").lower():
        case "true":
            return True
        case "false":
            return False
        case other:
            raise QueryInvalidError(f"{name} is true or false, not {other[:80]!r}", field=name)
