"""Values for tests, of which only what matters is said."""

from datetime import UTC, datetime
from typing import Any

from shared.model.assets import Asset
from shared.model.datasets import Dataset
from shared.model.messages import CopyRequest

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def asset(**values: Any) -> Asset:
    """An asset."""
    key = values.get("key", "B04")
    defaults: dict[str, Any] = {
        "item": "s2/T32",
        "key": "B04",
        "href": f"https://data.example.org/{key}.tif",
        "name": f"s2/T32/{key}",
    }
    return Asset(**{**defaults, **values})


def copy_request(*assets: Asset, **values: Any) -> CopyRequest:
    """A request for these assets."""
    defaults: dict[str, Any] = {"dataset": "s2", "cause": "run-1", "asked_at": NOON}
    return CopyRequest(**{**defaults, **values}, assets=assets or (asset(),))


def dataset(**parts: Any) -> Dataset:
    """A dataset; its parts are as in ``datasets.toml``."""
    defaults = {
        "catalog": {"kind": "stac", "url": "https://stac.example.org"},
        "destination": {"container": "assets"},
        "allow": {"hosts": ["*.example.org"]},
    }
    return Dataset.model_validate({**defaults, **parts})
