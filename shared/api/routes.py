"""Every address below ``/api/``."""

from shared.api import datasets, events, poison
from shared.api.exchange import Level, Route, by_app

ROUTES = (
    Route(
        name="discover_on_request",
        methods=("POST",),
        path="datasets/{dataset}/runs",
        answer=by_app(datasets.begin_run),
    ),
    Route(
        name="cancel_run",
        methods=("DELETE",),
        path="datasets/{dataset}/runs/{run}",
        answer=by_app(datasets.cancel_run),
    ),
    Route(name="plan_status", methods=("GET",), path="datasets/{dataset}/plans/{plan}", answer=by_app(datasets.plan)),
    Route(
        name="pause_dataset",
        methods=("PUT", "DELETE"),
        path="datasets/{dataset}/pause",
        answer=by_app(datasets.pause),
    ),
    Route(
        name="receive_event",
        methods=("POST", "OPTIONS"),
        path="events/{dataset}",
        answer=by_app(events.receive_event),
    ),
    Route(name="status", methods=("GET",), path="status", answer=by_app(datasets.status)),
    Route(name="dataset_status", methods=("GET",), path="datasets/{dataset}", answer=by_app(datasets.dataset_status)),
    Route(name="poison", methods=("GET",), path="poison", answer=by_app(poison.messages), level=Level.ADMIN),
    Route(
        name="redrive_poison",
        methods=("POST",),
        path="poison/redrive",
        answer=by_app(poison.redrive),
        level=Level.ADMIN,
    ),
    Route(name="health", methods=("GET",), path="health", answer=datasets.health, level=Level.ANONYMOUS),
)
