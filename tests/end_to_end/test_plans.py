"""A plan, as an operator asks for one, and the run that follows it."""

import os
from typing import Any

from shared.model.assets import Asset
from tests.end_to_end.pipeline import CAPS, Pipeline, wait_until


def publish(pipeline: Pipeline, dataset: str) -> list[Asset]:
    """Publish ten assets of two pages and a half, and a line that nobody can copy."""
    assets = [pipeline.serve(os.urandom(100 + number), dataset=dataset) for number in range(10)]
    elsewhere = Asset(item="x", key="x", href="https://elsewhere.example.org/x.bin", name=f"{dataset}/x", size=7)
    pipeline.publish(dataset, [*assets, elsewhere])
    return assets


def ended(pipeline: Pipeline, address: str) -> dict[str, Any]:
    """What stands at an address once its run, or its plan, has ended."""

    def told() -> dict[str, Any]:
        return pipeline.ask("GET", address)[1]

    wait_until(lambda: told().get("run", told())["state"] != "running")
    return told()


def test_a_run_does_what_its_plan_said(pipeline: Pipeline) -> None:
    """A plan sends nothing, counts what the run then does, and is told of in the dataset's status."""
    assets = publish(pipeline, "planned")

    code, begun = pipeline.ask("POST", "datasets/planned/runs?plan=true")
    plan = ended(pipeline, f"datasets/planned/plans/{begun['plan']}")
    before = pipeline.ask("GET", "datasets/planned")[1]
    rows_before = pipeline.rows(*assets)
    pipeline.ask("POST", "datasets/planned/runs")
    after = ended(pipeline, "datasets/planned")
    wait_until(lambda: len(pipeline.rows(*assets)) == 10 and pipeline.outstanding() == 0)
    pipeline.ask("POST", "datasets/planned/runs?plan=true")
    again = pipeline.ask("GET", "datasets/planned")[1]["plan"]["run"]
    second = ended(pipeline, f"datasets/planned/plans/{again}")

    address = f"{pipeline.host.url}/api/datasets/planned/plans/{begun['plan']}"
    assert (code, begun) == (202, {"dataset": "planned", "plan": begun["plan"], "status": address})
    assert (before["run"], before["plan"]["run"], rows_before) == (None, begun["plan"], [])
    assert (plan["state"], after["run"]["state"]) == ("complete", "complete")
    assert plan["counts"] == after["counts"]
    assert (plan["counts"]["sent"], plan["counts"]["sent_bytes"]) == (11, sum(each.size or 0 for each in assets) + 7)
    assert [(each["host"], each["assets"]) for each in plan["refused_hosts"]] == [("elsewhere.example.org", 1)]
    assert plan["bill"]["dollars_once"] > 0
    assert (second["counts"]["sent"], second["counts"]["already"]) == (1, 10)


def test_what_is_no_plan(pipeline: Pipeline) -> None:
    """What is unclear begins no run; a plan that there isn't is told so."""
    unclear = pipeline.ask("POST", "datasets/planned/runs?plan=yes")
    unknown = pipeline.ask("GET", "datasets/planned/plans/another")

    assert unclear == (400, {"error": "plan is true or false, not 'yes'", "field": "plan"})
    assert unknown[0] == 404
    assert unknown[1]["error"].startswith("'another' isn't the newest plan of planned: ")


def test_a_capped_dataset_comes_run_by_run(pipeline: Pipeline) -> None:
    """Each run ends at the cap and says so, and the next goes on there, until one is complete."""
    assets = [pipeline.serve(os.urandom(100), dataset="capped") for _ in range(CAPS["max_assets"] * 2)]
    pipeline.publish("capped", assets)
    states: list[tuple[str, int]] = []
    reasons: list[str | None] = []

    for number in (1, 2):
        pipeline.ask("POST", "datasets/capped/runs")
        status = ended(pipeline, "datasets/capped")
        wait_until(lambda n=number: len(pipeline.rows(*assets)) == n * CAPS["max_assets"])
        wait_until(lambda: pipeline.outstanding() == 0)
        states.append((status["run"]["state"], status["counts"]["sent"]))
        reasons.append(status["run"]["reason"])

    assert states == [("capped", CAPS["max_assets"]), ("complete", CAPS["max_assets"])]
    assert str(reasons[0]).startswith("3 assets of 300 bytes were asked for; caps.max_assets is 3 (hard); the next ")
    assert reasons[1] is None
