from typing import Any

import pytest
from pydantic import JsonValue

from shared.model.documents import ItemDocument
from shared.model.publishing import OnFailure, Publish
from shared.model.rewriting import Addresses, published_collection, published_item
from shared.model.rows import LedgerRow
from tests.unit.model.builders import NOON, asset, dataset

ENDPOINT = "https://account.blob.example.org"
SHA256, MD5 = "sha256:" + "ab" * 32, "md5:" + "cd" * 16
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
ALTERNATE = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json"
ADDRESS = "https://stac.example.org/v1/collections/s2/items/T32"
IMAGE = asset(key="image", href="https://data.example.org/i.tif", name="s2/T32/a%20b/i.tif", media_type="image/tiff")


def addresses(**publish: Any) -> Addresses:
    return Addresses(dataset_name="demo", dataset=dataset(publish=publish), endpoint=ENDPOINT)


def row(**values: Any) -> LedgerRow:
    given: dict[str, Any] = {
        "dataset": "demo",
        "item": IMAGE.item,
        "key": IMAGE.key,
        "href": IMAGE.href,
        "container": "assets",
        "blob": IMAGE.name,
        "etag": '"1"',
        "length": 7,
        "digests": (MD5, SHA256),
        "verified_by": "none",
        "description": IMAGE.description,
        "described_at": NOON,
        "cause": "run-1",
        "completed_at": NOON,
    }
    return LedgerRow(**{**given, **values})


def kept(document: dict[str, JsonValue] | None, **values: Any) -> ItemDocument:
    given: dict[str, Any] = {"item": "s2/T32", "address": ADDRESS, "assets": (IMAGE,), "publish": Publish()}
    return ItemDocument(**{**given, **values}, document=document)


def feature(**members: JsonValue) -> dict[str, JsonValue]:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "T32",
        "collection": "s2",
        "assets": {
            "preview": {"href": "./preview.png"},
            "image": {"href": "./i.tif", "title": "Image", "file:checksum": "d50110"},
        },
        "links": [],
        **members,
    }


def publish(
    item: ItemDocument, *rows: LedgerRow, on_failure: OnFailure = OnFailure.HOLD, **values: Any
) -> dict[str, Any]:
    found = {each.key: each for each in rows}
    return published_item(item, found, addresses=addresses(**values), on_failure=on_failure)


def test_asset() -> None:
    """An asset's href leads to its blob, with size, checksum and origin; one that wasn't selected is left out."""
    document = publish(kept(feature()), row())

    assert document["assets"] == {
        "image": {
            "title": "Image",
            "href": f"{ENDPOINT}/assets/s2/T32/a%2520b/i.tif",
            "type": "image/tiff",
            "file:size": 7,
            "file:checksum": "1220" + "ab" * 32,
            "alternate": {"origin": {"href": "https://data.example.org/i.tif"}},
        }
    }
    assert document["stac_extensions"] == [FILE, ALTERNATE]


@pytest.mark.parametrize(
    ("digests", "checksum"),
    [
        ((MD5,), "d50110" + "cd" * 16),
        (("blocks-sha256:8:" + "ab" * 32,), None),
        (("crc32:00000000",), None),
        ((), None),
    ],
)
def test_checksum(digests: tuple[str, ...], checksum: str | None) -> None:
    """An MD5 where nothing better is known, and none, not even the catalog's, where none is of the whole."""
    document = publish(kept(feature()), row(digests=digests))

    assert document["assets"]["image"].get("file:checksum") == checksum


def test_other_alternates_stay() -> None:
    """What else a catalog said of an asset stays: its type, other hrefs, and the extension in another version."""
    extension = "https://stac-extensions.github.io/alternate-assets/v1.1.0/schema.json"
    said: JsonValue = {"image": {"href": "i.tif", "type": "image/x", "alternate": {"s3": {"href": "s3://b/k"}}}}
    document = publish(kept(feature(assets=said, stac_extensions=[extension])), row())

    assert document["stac_extensions"] == [extension, FILE]
    assert document["assets"]["image"]["type"] == "image/x"
    assert document["assets"]["image"]["alternate"] == {
        "s3": {"href": "s3://b/k"},
        "origin": {"href": "https://data.example.org/i.tif"},
    }


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [
        (OnFailure.PUBLISH_WITHOUT, {}),
        (
            OnFailure.KEEP_HREF,
            {
                "preview": "https://stac.example.org/v1/collections/s2/items/preview.png",
                "image": "https://data.example.org/i.tif",
            },
        ),
    ],
)
def test_assets_that_failed(on_failure: OnFailure, expected: dict[str, str]) -> None:
    """Assets that failed for good, or were refused, are left out or keep the catalog's href, which is absolute then."""
    document = publish(kept(feature(), refused=("preview",)), on_failure=on_failure)

    assert {key: each["href"] for key, each in document["assets"].items()} == expected


def test_an_asset_that_the_document_lacks() -> None:
    """An asset that stood in the item when it was listed before is published as well."""
    document = publish(kept(feature(assets={})), row())

    assert document["assets"]["image"]["href"].endswith("/i.tif")


def test_links() -> None:
    """Links lead to where a static reader can follow; none leads into the API, and one to where the item came from."""
    links: list[JsonValue] = [
        {"rel": "self", "href": ADDRESS},
        {"rel": "collection", "href": "../../s2"},
        {"rel": "root", "href": "https://stac.example.org/v1"},
        {"rel": "next", "href": "https://stac.example.org/v1/next"},
        {"rel": "search", "href": "https://stac.example.org/v1/search", "method": "POST"},
        {"rel": "license", "href": "../license.txt", "title": "License"},
        {"rel": "thumbnail", "href": "s3://bucket/key"},
        {"rel": "bad", "href": "https://["},
        {"rel": 1, "href": "https://data.example.org"},
        {"rel": "no-href"},
        "junk",
    ]
    document = publish(kept(feature(links=links)), row())

    collection = {"href": f"{ENDPOINT}/assets/demo/collections/s2.json", "type": "application/json"}
    assert document["links"] == [
        {"rel": "self", "href": f"{ENDPOINT}/assets/demo/items/s2/T32.json", "type": "application/geo+json"},
        {"rel": "root", **collection},
        {"rel": "parent", **collection},
        {"rel": "collection", **collection},
        {"rel": "via", "href": ADDRESS},
        {"rel": "license", "href": "https://stac.example.org/v1/collections/s2/license.txt", "title": "License"},
    ]


def test_no_collection() -> None:
    """An item without a collection has no links to one."""
    document = publish(kept(feature(collection=None), item="T32"), row(), name="{item}.json")

    assert [each["rel"] for each in document["links"]] == ["self"]


def test_addresses_that_people_know() -> None:
    """A public address takes the place of the blob endpoint's, for what lies in its container."""
    base: dict[str, Any] = {"base_url": "https://cdn.example.org/x/"}
    apart: dict[str, Any] = {**base, "container": "items-here", "items_url": "https://items.example.org"}

    there = publish(kept(feature()), row(), **base)
    moved = publish(kept(feature()), row(container="before"), **apart)

    assert there["assets"]["image"]["href"] == "https://cdn.example.org/x/s2/T32/a%2520b/i.tif"
    assert there["links"][0]["href"] == "https://cdn.example.org/x/demo/items/s2/T32.json"
    assert moved["assets"]["image"]["href"] == f"{ENDPOINT}/before/s2/T32/a%2520b/i.tif"
    assert moved["links"][0]["href"] == "https://items.example.org/demo/items/s2/T32.json"


def test_record() -> None:
    """An item without a document gets a plain record of its assets."""
    record = publish(kept(None), row())

    assert record == {
        "dataset": "demo",
        "item": "s2/T32",
        "assets": {
            "image": {
                "href": f"{ENDPOINT}/assets/s2/T32/a%2520b/i.tif",
                "type": "image/tiff",
                "file:size": 7,
                "file:checksum": "1220" + "ab" * 32,
                "alternate": {"origin": {"href": "https://data.example.org/i.tif"}},
            }
        },
        "links": [
            {"rel": "self", "href": f"{ENDPOINT}/assets/demo/items/s2/T32.json", "type": "application/json"},
        ],
    }


def test_odd_documents() -> None:
    """A document whose parts are of other kinds than STAC's is published with what can be read of it."""
    odd = feature(assets={"image": "i.tif", "preview": None}, links="none", stac_extensions="none")

    document = publish(kept(odd), row())

    assert list(document["assets"]) == ["image"]
    assert document["stac_extensions"] == [FILE, ALTERNATE]


def test_collection() -> None:
    """A collection is its own root; its other links and assets are made absolute, and an API's links left out."""
    said: dict[str, JsonValue] = {
        "id": "s2",
        "links": [{"rel": "items", "href": "./s2/items"}, {"rel": "license", "href": "./license"}],
        "assets": {"thumbnail": {"href": "./t.png"}, "junk": 1},
    }
    found = published_collection("s2", said, address="https://h/collections/s2", addresses=addresses())

    own = {"href": f"{ENDPOINT}/assets/demo/collections/s2.json", "type": "application/json"}
    assert found == {
        "id": "s2",
        "links": [
            {"rel": "self", **own},
            {"rel": "root", **own},
            {"rel": "license", "href": "https://h/collections/license"},
        ],
        "assets": {"thumbnail": {"href": "https://h/collections/t.png"}},
    }


def test_collection_that_nobody_knows() -> None:
    """A collection of which the catalog says nothing is made up, so that links lead somewhere."""
    found = published_collection("s2", None, address="", addresses=addresses())

    assert (found["type"], found["id"], [each["rel"] for each in found["links"]]) == (
        "Collection",
        "s2",
        ["self", "root"],
    )
