import json
import runpy
from pathlib import Path
from typing import Any


def test_what_triggers_the_functions(root: Path) -> None:
    """Each queue has its function, and the routes ask for a key, health and the page aside.

    Nothing but an HTTP answer is bound to go out: what a queue's output binding sends expires after a week.
    """
    # A module of its own: an app can list its functions once.
    app = runpy.run_path(str(root / "function_app.py"))["app"]

    bindings = {each.get_function_name(): json.loads(each.get_function_json()) for each in app.get_functions()}

    assert {name: [_told(each) for each in document["bindings"]] for name, document in bindings.items()} == {
        "discover_on_schedule": ["IN timerTrigger %DISCOVER_SCHEDULE% False"],
        "discover_on_request": ["IN httpTrigger POST datasets/{dataset}/runs FUNCTION", "OUT http"],
        "cancel_run": ["IN httpTrigger DELETE datasets/{dataset}/runs/{run} FUNCTION", "OUT http"],
        "plan_status": ["IN httpTrigger GET datasets/{dataset}/plans/{plan} FUNCTION", "OUT http"],
        "pause_dataset": ["IN httpTrigger PUT DELETE datasets/{dataset}/pause FUNCTION", "OUT http"],
        "receive_event": ["IN httpTrigger POST OPTIONS events/{dataset} FUNCTION", "OUT http"],
        "discover_page": ["IN queueTrigger discover SluiceStorage"],
        "copy_asset": ["IN queueTrigger copy SluiceStorage"],
        "copy_live_asset": ["IN queueTrigger copy-live SluiceStorage"],
        "copy_later_asset": ["IN queueTrigger copy-later SluiceStorage"],
        "publish_item": ["IN queueTrigger publish SluiceStorage"],
        "preserve_poison": ["IN timerTrigger 0 37 * * * * False"],
        "write_gauges": ["IN timerTrigger 30 */5 * * * * False"],
        "status": ["IN httpTrigger GET status FUNCTION", "OUT http"],
        "dataset_status": ["IN httpTrigger GET datasets/{dataset} FUNCTION", "OUT http"],
        "poison": ["IN httpTrigger GET poison ADMIN", "OUT http"],
        "redrive_poison": ["IN httpTrigger POST poison/redrive ADMIN", "OUT http"],
        "find_asset": ["IN httpTrigger POST assets FUNCTION", "OUT http"],
        "page_file": ["IN httpTrigger GET page/{file} ANONYMOUS", "OUT http"],
        "page": ["IN httpTrigger GET {nothing?} ANONYMOUS", "OUT http"],
        "health": ["IN httpTrigger GET health ANONYMOUS", "OUT http"],
    }


def _told(binding: dict[str, Any]) -> str:
    """A binding in a line."""
    words = {"methods": " ".join(binding.pop("methods", ()))} if "methods" in binding else {}
    names = (
        "direction",
        "type",
        "methods",
        "schedule",
        "runOnStartup",
        "queueName",
        "connection",
        "route",
        "authLevel",
    )
    told = {**binding, **words}
    return " ".join(str(told[each]) for each in names if each in told)
