"""A dataset is paused and goes on, and a run is cancelled, while its pages are worked."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Generator
from typing import Any

from shared.model.assets import Asset
from tests.end_to_end.exchanges import Exchange
from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.end_to_end.wire import Moment


def publish(pipeline: Pipeline, dataset: str) -> list[Asset]:
    """Publish two pages of four assets each."""
    assets = [pipeline.serve(os.urandom(100), dataset=dataset) for _ in range(8)]
    pipeline.publish(dataset, assets)
    return assets


@contextlib.contextmanager
def held_at_its_first_page(pipeline: Pipeline, dataset: str) -> Generator[str]:
    """Begin a run whose first page waits until the block ends; give its id."""
    release = threading.Event()

    async def hold() -> None:
        await asyncio.to_thread(release.wait, 20)

    def keeps_page(exchange: Exchange) -> bool:
        return exchange.is_commit and exchange.path.startswith(f"pages/{dataset}/")

    with pipeline.wire.hook(keeps_page, moment=Moment.ARRIVED, call=hold) as held:
        try:
            _, run = pipeline.ask("POST", f"datasets/{dataset}/runs")
            assert held.fired.wait(20)
            yield run["run"]
        finally:
            release.set()


def test_pause(pipeline: Pipeline) -> None:
    """A page that is worked is copied, the next waits; once the dataset is resumed, the run goes on to its end."""
    assets = publish(pipeline, "paused")

    with held_at_its_first_page(pipeline, "paused") as run:
        code, hold = pipeline.ask("PUT", "datasets/paused/pause")
    wait_until(lambda: "paused" in pipeline.ask("GET", "status")[1]["withholding"]["waiting"])
    wait_until(lambda: len(pipeline.rows(*assets)) == 4)
    status = pipeline.ask("GET", "status")[1]
    refused = pipeline.ask("POST", "datasets/paused/runs")
    again = pipeline.ask("PUT", "datasets/paused/pause")
    resumed = pipeline.ask("DELETE", "datasets/paused/pause")
    wait_until(lambda: pipeline.ask("GET", "datasets/paused")[1]["run"]["state"] == "complete")
    wait_until(lambda: len(pipeline.rows(*assets)) == 8 and pipeline.outstanding() == 0)

    nothing = {
        "dataset": "paused",
        **dict.fromkeys(("paused_since", "paused_by")),
        **dict.fromkeys(("deferred_until", "deferred_because", "deferred_since", "deferred_host")),
    }
    because = "by request; `sluice resume paused` or DELETE /api/datasets/paused/pause resumes it"
    waiting = status["withholding"]["waiting"]["paused"]
    assert (code, hold) == again == (200, {**nothing, "paused_since": hold["paused_since"], "paused_by": "request"})
    assert status["datasets"]["paused"]["hold"] == hold
    assert (waiting["run"], waiting["because"].endswith(because)) == (run, True)
    assert (refused[0], refused[1]["error"].endswith(because)) == (409, True)
    assert resumed == (200, nothing)
    assert pipeline.ask("GET", "datasets/paused")[1]["hold"] is None


def test_cancel(pipeline: Pipeline) -> None:
    """What the run has sent is copied, its next page ends quietly, and another run begins."""
    assets = publish(pipeline, "cancelled")

    with held_at_its_first_page(pipeline, "cancelled") as run:
        unknown = pipeline.ask("DELETE", "datasets/cancelled/runs/another")
        code, answer = pipeline.ask("DELETE", f"datasets/cancelled/runs/{run}")
    wait_until(lambda: len(pipeline.rows(*assets)) == 4 and pipeline.outstanding() == 0)
    again = pipeline.ask("DELETE", f"datasets/cancelled/runs/{run}")
    status: dict[str, Any] = pipeline.ask("GET", "datasets/cancelled")[1]
    next_code, _ = pipeline.ask("POST", "datasets/cancelled/runs")
    wait_until(lambda: len(pipeline.rows(*assets)) == 8 and pipeline.outstanding() == 0)

    error = f"'another' isn't the newest run of cancelled: it is {run}"
    assert unknown == (404, {"error": error})
    assert (code, answer["run"], answer["state"]) == (200, run, "cancelled")
    assert status["run"] == answer
    assert again == (409, {"error": f"run {run} is cancelled: there is nothing to cancel"})
    assert next_code == 202


def test_unknown_dataset(pipeline: Pipeline) -> None:
    """A dataset that isn't defined is answered 404, whatever is asked of it."""
    answers = [
        pipeline.ask(method, f"datasets/nowhere/{path}")
        for method, path in (("PUT", "pause"), ("DELETE", "pause"), ("DELETE", "runs/one"))
    ]

    assert [code for code, _ in answers] == [404] * 3
    assert {answer["error"].partition(";")[0] for _, answer in answers} == {"no dataset is called 'nowhere'"}
