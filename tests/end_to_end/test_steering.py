"""An operator sees what stands where, begins, holds and ends runs, and asks for single files."""

import json
import os
import re
import signal
from pathlib import Path

from shared.model.messages import Queue
from shared.storage.creation import CONTAINERS, TABLES
from tests.end_to_end.operator import sluice, watching
from tests.end_to_end.pipeline import CONTAINER, WAIT_SECONDS, Pipeline, wait_until


def test_a_run_is_steered(pipeline: Pipeline) -> None:
    """A dataset is paused, so that no run begins; resumed, planned, and copied; its run is over and can't be ended."""
    assets = [pipeline.serve(os.urandom(100), dataset="steered") for _ in range(8)]
    pipeline.publish("steered", assets)

    paused = sluice(pipeline, "pause", "steered", "--json")
    held = sluice(pipeline, "status", "steered")
    refused = sluice(pipeline, "discover", "steered")
    resumed = sluice(pipeline, "resume", "steered", "--json")
    planned = sluice(pipeline, "discover", "steered", "--plan", "--json")
    plan = sluice(pipeline, "plan", "steered", "--wait", "--json")
    begun = sluice(pipeline, "discover", "steered", "--json")
    wait_until(lambda: pipeline.ask("GET", "datasets/steered")[1]["run"]["state"] == "complete")
    wait_until(lambda: len(pipeline.rows(*assets)) == 8 and pipeline.outstanding() == 0)
    status = sluice(pipeline, "status", "steered", "--json")
    over = sluice(pipeline, "cancel", "steered")

    assert (paused.code, paused.value["dataset"], resumed.value["paused_since"]) == (0, "steered", None)
    assert held.code == 1
    assert re.search(
        rf"^! steered: paused for \d+ s by {paused.value['paused_by']}: sluice resume", held.out, re.MULTILINE
    )
    assert (refused.code, "steered is paused since" in refused.err) == (1, True)
    assert (plan.code, plan.value["plan"], plan.value["state"]) == (0, planned.value["plan"], "complete")
    assert (plan.value["new"], plan.value["counts"]["sent"]) == (8, 8)
    run = status.value["datasets"]["steered"]["run"]
    assert (run["run"], run["state"]) == (begun.value["run"], "complete")
    assert list(status.value["datasets"]) == ["steered"]
    assert (over.code, over.err) == (1, f"sluice: run {run['run']} is complete: there is nothing to cancel\n")


def test_a_window_and_a_dataset_that_are_none(pipeline: Pipeline) -> None:
    """Wrong usage is exit code 2, and the sentence names the option or the dataset."""
    window = sluice(pipeline, "discover", "steered", "--since", "yesterday")
    dataset = sluice(pipeline, "status", "nowhere")

    assert (window.code, window.err.startswith("sluice: since: ")) == (2, True)
    assert (dataset.code, dataset.err.startswith("sluice: no dataset is called 'nowhere'")) == (2, True)


def test_a_status_is_watched(pipeline: Pipeline) -> None:
    """One look after the other; Ctrl-C ends it without a traceback."""
    with watching(pipeline, "status", "steered", "--watch", "--every", "0.5", "--json") as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=WAIT_SECONDS)

    assert looks[0]["at"] < looks[1]["at"]
    assert (process.returncode, err) == (130, "sluice: stopped\n")


def test_a_file_is_copied_now(pipeline: Pipeline) -> None:
    """By its href, also where the dataset is paused; what can't be is refused, and an unknown item is wrong usage."""
    wanted = pipeline.serve(b"now", dataset="singles")
    sluice(pipeline, "pause", "singles")

    asked = sluice(pipeline, "copy", "singles", wanted.href, "https://elsewhere.example.org/a.bin", "--json")
    unknown = sluice(pipeline, "copy", "singles", "scene-1")
    wait_until(lambda: len(pipeline.rows(wanted)) == 1)

    assert (asked.code, asked.value["accepted"], asked.value["cause"][:6]) == (1, 1, "asked-")
    assert [each["error"] for each in asked.value["refused"]] == ["UrlRefusedError"]
    assert pipeline.blob(wanted)[0] == b"now"
    assert unknown.code == 2
    assert unknown.err.startswith("sluice: singles has no item 'scene-1' that can be asked for by its name")


def test_a_doctor_looks_at_everything(pipeline: Pipeline, tmp_path: Path) -> None:
    """Every place of the account is there; another folder's settings are wrong, which is said."""
    places = {
        *(f"queue {name}" for each in Queue for name in (each.value, each.poison)),
        *(f"table {each}" for each in TABLES),
        *(f"container {each}" for each in (*CONTAINERS, CONTAINER)),
    }

    found = {each["check"]: each for each in sluice(pipeline, "doctor", "--json").rows}
    elsewhere = sluice(pipeline, "doctor", "--app", str(tmp_path))

    assert places <= set(found)
    assert {found[each]["health"] for each in (*places, "clock of this machine", "settings", "host.json")} == {"ok"}
    assert elsewhere.code == 1
    assert "datasets.toml doesn't exist" in elsewhere.out
