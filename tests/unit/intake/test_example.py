"""The example's datasets take what their comments say, written as the services write it."""

from pathlib import Path
from typing import Any

import pytest

from shared.model.datasets import load_datasets
from tests.unit.intake.payloads import TOPIC, cloud_event, event_grid, notification, s3_record, stac_item
from tests.unit.intake.watching import content, events_of, hrefs

_EXAMPLE = Path("examples/events/datasets.toml")
_LIST = {"assets": [{"url": "http://127.0.0.1:8080/pub/one.txt"}]}


@pytest.mark.parametrize(
    ("name", "body", "href"),
    [
        ("local", _LIST, "http://127.0.0.1:8080/pub/one.txt"),
        ("local", stac_item(), "https://data.example.org/001/data.tif"),
        ("local", cloud_event(_LIST, type="scene"), "http://127.0.0.1:8080/pub/one.txt"),
        ("deliveries", [event_grid()], "az://partnerdata/deliveries/2024/a.tif"),
        ("scenes", notification({"Records": [s3_record()]}), "s3://scenes/2024/a.tif"),
    ],
)
def test_the_example(root: Path, name: str, body: Any, href: str) -> None:
    """Each dataset reads its own kind of event."""
    found = content(body, of=load_datasets(root / _EXAMPLE).named(name))

    assert (hrefs(found), found.refusals) == ([href], ())


def test_the_topics_of_the_example(root: Path) -> None:
    """Topics are written as events name them."""
    datasets = load_datasets(root / _EXAMPLE)

    topics: dict[str, Any] = {name: events_of(datasets.named(name)).auth for name in ("deliveries", "scenes")}

    assert topics["deliveries"].topics == (TOPIC,)
    assert topics["scenes"].topics == (notification("x")["TopicArn"],)
