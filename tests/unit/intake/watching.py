"""A dataset that takes events, and what it reads of them."""

import json
from collections.abc import Mapping
from typing import Any

from shared.intake.event import Content, Event
from shared.intake.files import Watched
from shared.intake.formats import read_events
from shared.model.datasets import Dataset
from shared.model.events import EventFormat, Events
from shared.model.items import CatalogAsset, CatalogItem
from tests.fakes.senders import AUTH
from tests.unit.intake.payloads import ACCOUNT, SNS_TOPIC
from tests.unit.model.builders import NOON, dataset

AZURE = {"kind": "azure", "accounts": [ACCOUNT]}
S3 = {"kind": "s3", "region": "us-west-2"}
OURS = ["event_grid", "cloud_events", "stac", "list"]
MANIFEST = {"kind": "manifest", "url": "https://data.example.org/list.csv"}
_ALLOW = {"hosts": ["*.example.org", "*.blob.core.windows.net", "*.s3.us-west-2.amazonaws.com"]}


def taking(*, events: Mapping[str, Any] | None = None, **parts: Any) -> Dataset:
    """A dataset that takes events of every format but SNS; its catalog is a manifest."""
    given = {"accepts": OURS, "accounts": [ACCOUNT], "auth": AUTH, **(events or {})}
    return dataset(**{"catalog": MANIFEST, "allow": _ALLOW, "events": given, **parts})


def taking_sns(*, events: Mapping[str, Any] | None = None, **parts: Any) -> Dataset:
    """A dataset that takes notifications of SNS, and watches a bucket."""
    auth = {"kind": "sns", "topics": [SNS_TOPIC]}
    given = {"accepts": ["sns"], "accounts": [], "buckets": ["scenes"], "auth": auth, **(events or {})}
    return taking(**{"source": S3, "events": given, **parts})


def read(document: Any, *, of: Dataset, headers: Mapping[str, str] | None = None) -> list[Event]:
    """What a dataset reads of a body; ``document`` is written as JSON unless it is bytes."""
    assert of.events is not None
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    watched = Watched(dataset=of, events=of.events, now=NOON)
    return read_events(body, headers or {}, accepts=of.events.accepts, watched=watched)


def content(document: Any, *, of: Dataset, headers: Mapping[str, str] | None = None) -> Content:
    """The content of a body's only event."""
    (event,) = read(document, of=of, headers=headers)
    return event.content


def hrefs(found: Content) -> list[str]:
    """The files that are asked for."""
    return [asset.href for item in found.items for asset in item.assets]


def file(href: str, **values: Any) -> CatalogItem:
    """A file that is an item of its own."""
    asset = CatalogAsset(key=href, href=href, **values)
    return CatalogItem(item=href, id=href, datetime=asset.updated, assets=(asset,))


def reasons(found: Content) -> list[tuple[str, str]]:
    """Why something was refused: the error, and its text."""
    return [(each.error, each.message) for each in found.refusals]


def formats(*names: str) -> tuple[EventFormat, ...]:
    """Formats by their names."""
    return tuple(EventFormat(each) for each in names)


def events_of(of: Dataset) -> Events:
    """The table of a dataset that has one."""
    assert of.events is not None
    return of.events
