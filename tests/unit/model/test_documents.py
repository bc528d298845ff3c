import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from shared.model.documents import Edition, ItemDocument, collection_name, item_name, unsigned_document, version_of
from shared.model.errors import BadNameError
from shared.model.items import CatalogItem
from shared.model.publishing import Publish
from tests.unit.model.builders import NOON, asset, dataset


def document(**members: JsonValue) -> dict[str, JsonValue]:
    return {"type": "Feature", "id": "T32", "collection": "s2", "properties": {}, "assets": {}, "links": [], **members}


def item_document(found: dict[str, JsonValue] | None, **values: Any) -> ItemDocument:
    listed = CatalogItem(item="s2/T32", id="T32", assets=(), document=found, address="https://h/s2/T32.json?token=a")
    given: dict[str, Any] = {"assets": (asset(),), "refused": (), "publish": Publish()}
    return ItemDocument.of(listed, **{**given, **values})


@pytest.mark.parametrize("found", [document(properties={"half": "\ud800", "big": 10**30}), None])
def test_round_trip(found: dict[str, JsonValue] | None) -> None:
    """A document comes back as it was kept, whatever text its catalog wrote."""
    kept = item_document(found, refused=("mask",))

    assert ItemDocument.decode(kept.encode()) == kept
    assert kept.address == "https://h/s2/T32.json"


def test_version() -> None:
    """The same document has the same version, in whatever order it was written; whatever it says changes it."""
    one = document(properties={"a": 1, "b": 2})
    same = {name: one[name] for name in reversed(one)}
    others = [
        item_document(document()),
        item_document(one, assets=(asset(size=1),)),
        item_document(one, refused=("mask",)),
        item_document(one, publish=Publish(base_url="https://cdn.example.org")),
    ]

    versions = [version_of(each.encode()) for each in (item_document(one), item_document(same), *others)]

    assert versions[0] == versions[1]
    assert len(set(versions)) == 5


def test_no_secret_rests() -> None:
    """Every address is unsigned, wherever it stands, and no link keeps the headers it would be asked with."""
    signed = "https://user:secret@h/a.tif?sv=1&sig=secret&v=2#part"
    found = document(
        assets={"a": {"href": signed, "alternate": {"s3": {"href": "s3://b/k?X-Amz-Signature=secret"}}}},
        links=[{"rel": "next", "href": "./n?token=secret", "headers": {"Authorization": "secret"}}],
        properties={
            "license": signed,
            "text": "a?sig=b",
            "list": [signed, 1, None, True],
            "bad": "https://[x?sig=secret",
        },
        stac_extensions=["https://h/schema.json#/definitions"],
    )

    unsigned = unsigned_document(found)

    assert "secret" not in json.dumps(unsigned)
    assert unsigned == document(
        assets={"a": {"href": "https://h/a.tif?v=2", "alternate": {"s3": {"href": "s3://b/k"}}}},
        links=[{"rel": "next", "href": "./n"}],
        properties={
            "license": "https://h/a.tif?v=2#part",
            "text": "a?sig=b",
            "list": ["https://h/a.tif?v=2#part", 1, None, True],
            "bad": "https://[x",
        },
        stac_extensions=["https://h/schema.json#/definitions"],
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [({"updated": NOON.isoformat()}, NOON), ({"updated": "soon"}, None), ({}, None), (None, None)],
)
def test_updated(properties: JsonValue, expected: object) -> None:
    """The catalog's time of update, where it can be read."""
    assert item_document(document(properties=properties)).updated == expected


def test_updated_without_document() -> None:
    """An item without a document states none."""
    assert item_document(None).updated is None


@pytest.mark.parametrize(
    ("updated", "asked", "newer"),
    [
        ((1, 0), (0, 1), True),
        ((0, 1), (1, 0), False),
        ((1, 1), (1, 0), True),
        ((1, 1), (0, 1), False),
        ((1, 1), (0, 0), False),
        ((None, 1), (1, 0), True),
        ((1, None), (0, 1), False),
    ],
)
def test_which_is_newer(updated: tuple[int | None, int | None], asked: tuple[int, int], newer: bool) -> None:  # noqa: FBT001 - a case
    """Two times of update that differ decide; else it is newer what was asked for later."""
    one, other = (
        Edition(
            version=str(number),
            updated=None if hours is None else NOON + timedelta(hours=hours),
            asked_at=NOON + timedelta(hours=asked_hours),
        )
        for number, (hours, asked_hours) in enumerate(zip(updated, asked, strict=True))
    )

    assert one.is_newer_than(other) is newer


@pytest.mark.parametrize(
    ("item", "kind", "name", "expected"),
    [
        ("s2/T32 a", "stac", None, "demo/items/s2/T32%20a.json"),
        ("s2/T32", "stac", "{collection}/{dataset}-{id}", "s2/demo-T32"),
        ("T32", "stac", "{item}.json", "T32.json"),
        ("s2/T32", "static_stac", "{collection}/{id}", "s2/T32"),
        ("a/b c/d", "manifest", None, "demo/items/a%2Fb%20c%2Fd.json"),
        ("a/b", "manifest", "x/{item}", "x/a%2Fb"),
    ],
)
def test_item_name(item: str, kind: str, name: str | None, expected: str) -> None:
    """A STAC item is named by its collection and id, a manifest's by its name."""
    defined = dataset(
        catalog={"kind": kind, "url": "https://stac.example.org/list.csv"}, publish={"name": name} if name else {}
    )

    assert item_name(item, dataset_name="demo", dataset=defined) == expected


def test_no_item_name() -> None:
    """A STAC item without a collection has no name where that is part of it."""
    with pytest.raises(BadNameError, match="collection"):
        item_name("T32", dataset_name="demo", dataset=dataset(publish={}))


def test_collection_name() -> None:
    """A collection's name is one component."""
    assert collection_name("s 2", dataset_name="demo", publish=Publish()) == "demo/collections/s%202.json"
