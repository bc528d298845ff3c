"""Every address below ``/api/``."""

from shared.api import assets, datasets, events, page, poison
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
    Route(name="find_asset", methods=("POST",), path="assets", answer=by_app(assets.find)),
    Route(name="health", methods=("GET",), path="health", answer=datasets.health, level=Level.ANONYMOUS),
    Route(name="page_file", methods=("GET",), path="page/{file}", answer=page.file, level=Level.ANONYMOUS),
    # "/api/" itself: a host gives a function whose route is empty its name, so it has a segment that may be missing.
    # Last: a host takes the first one that fits.
    Route(name="page", methods=("GET",), path="{nothing?}", answer=page.page, level=Level.ANONYMOUS),
)
