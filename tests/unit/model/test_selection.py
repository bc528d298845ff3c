from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.assets import Asset
from shared.model.datasets import Selection
from shared.model.items import CatalogAsset, CatalogItem, Page, PlannedPage, Refusal
from shared.model.publishing import Publish
from shared.model.selection import is_selected_by_key, plan_page
from tests.unit.model.builders import dataset

_JUNE = datetime(2024, 6, 1, 23, 30, tzinfo=UTC)


def _asset(key: str = "B04", **values: Any) -> CatalogAsset:
    defaults: dict[str, Any] = {"key": key, "href": f"https://data.example.org/{key}.tif"}
    return CatalogAsset(**{**defaults, **values})


def _item(name: str = "T32", *assets: CatalogAsset, **values: Any) -> CatalogItem:
    defaults: dict[str, Any] = {"item": f"s2/{name}", "collection": "s2", "id": name}
    return CatalogItem(**{**defaults, **values}, assets=assets or (_asset(),))


def _plan(*items: CatalogItem, **parts: Any) -> tuple[PlannedPage, tuple[Refusal, ...]]:
    refusals = parts.pop("refusals", ())
    page = Page(items=items, next_token="next", refusals=refusals)
    return plan_page(page, dataset_name="demo", dataset=dataset(**parts), capacity=24)


def _keys(planned: PlannedPage) -> list[str]:
    return [asset.key for item in planned.items for asset in item.assets]


def _counts(planned: PlannedPage) -> tuple[int, int, int, int]:
    return planned.available, len(planned.items), planned.filtered, planned.refused


def test_planned() -> None:
    """An asset is asked for as the catalog describes it, without its signature, under the dataset's name for it."""
    listed = _asset(
        href="https://data.example.org/a%20b/B04.tif?v=1&sig=secret&sp=r",
        size=9,
        checksum="md5:" + "0" * 32,
        updated=_JUNE,
        media_type="image/tiff",
    )

    planned, refusals = _plan(_item("T32", listed))

    assert refusals == ()
    assert planned.next_token == "next"
    assert planned.items[0].assets == (
        Asset(
            item="s2/T32",
            key="B04",
            href="https://data.example.org/a%20b/B04.tif?v=1",
            name="demo/s2/T32/B04/B04.tif",
            size=9,
            checksum="md5:" + "0" * 32,
            updated=_JUNE,
            media_type="image/tiff",
        ),
    )


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{collection}/{year}/{month}/{day}/{id}/{key}", "s2/2024/06/01/T32/B04"),
        ("{item}/{file}", "s2%2FT32/B04.tif"),
        ("{host}/{path}", "data.example.org/B04.tif"),
    ],
)
def test_names(template: str, name: str) -> None:
    """A template takes its values from item, asset and href; dates are those of UTC."""
    local = datetime.fromisoformat("2024-06-02T01:30:00+02:00")

    planned, _ = _plan(_item(datetime=local), destination={"container": "assets", "name": template})

    assert planned.items[0].assets[0].name == name


@pytest.mark.parametrize(
    ("destination", "name"),
    [("a b/c.tif", "a%20b/c.tif"), ("a/../c", None), ("./c", None), ("/c", None), ("c/", None), ("a//c", None)],
)
def test_destinations(destination: str, name: str | None) -> None:
    """A name that the catalog asks for is taken, each part of it encoded, and refused if it would climb."""
    planned, refusals = _plan(_item("T32", _asset(destination=destination)))

    assert [each.name for item in planned.items for each in item.assets] == ([name] if name else [])
    assert [each.error for each in refusals] == ([] if name else ["BadNameError"])


@pytest.mark.parametrize(
    ("select", "keys"),
    [
        ({}, ["B04", "B08", "meta", "B[1]"]),
        ({"include": ["B*"]}, ["B04", "B08", "B[1]"]),
        ({"include": ["B?4", "meta"]}, ["B04", "meta"]),
        ({"include": ["B[1]"]}, ["B[1]"]),
        ({"exclude": ["b*", "meta"]}, ["B04", "B08", "B[1]"]),
        ({"include": ["B*"], "exclude": ["*8"]}, ["B04", "B[1]"]),
        ({"media_types": ["image/*"]}, ["B04"]),
        ({"media_types": ["image/*", "application/xml"]}, ["B04", "meta"]),
        ({"media_types": ["IMAGE/tiff", "Application/*"]}, ["B04", "meta"]),
        ({"min_bytes": 100}, ["B04", "B08", "B[1]"]),
        ({"max_bytes": 100}, ["B04", "meta", "B[1]"]),
        ({"min_bytes": 1000, "max_bytes": 1000}, ["B08", "B[1]"]),
    ],
)
def test_assets_selected(select: dict[str, Any], keys: list[str]) -> None:
    """Keys, media types and sizes select assets; what isn't stated is only left out by a media type."""
    item = _item(
        "T32",
        _asset("B04", media_type="Image/TIFF; application=geotiff", size=100),
        _asset("B08", size=1000),
        _asset("meta", media_type="application/xml", size=10),
        _asset("B[1]", href="https://data.example.org/1.tif"),
    )

    planned, refusals = _plan(item, select=select)

    assert _keys(planned) == keys
    assert refusals == ()


@pytest.mark.parametrize(
    ("moment", "selected"),
    [(_JUNE, True), (datetime(2024, 7, 1, tzinfo=UTC), False), (None, False)],
)
def test_time(moment: datetime | None, selected: bool) -> None:  # noqa: FBT001 - a case's outcome
    """An interval selects the items whose time lies in it."""
    planned, _ = _plan(_item(datetime=moment), select={"datetime": "2024-06-01/2024-06-30"})

    assert _counts(planned) == (1, int(selected), int(not selected), 0)


@pytest.mark.parametrize(
    ("select", "item", "selected"),
    [
        ((0, 0, 10, 10), (5, 5, 6, 6), True),
        ((0, 0, 10, 10), (10, 10, 20, 20), True),
        ((0, 0, 10, 10), (11, 0, 20, 10), False),
        ((0, 0, 10, 10), (0, 11, 10, 20), False),
        ((0, 0, 10, 10), (0, -20, 10, -1), False),
        ((170, -10, -170, 10), (175, 0, 178, 1), True),
        ((170, -10, -170, 10), (-178, 0, -175, 1), True),
        ((170, -10, -170, 10), (-160, 0, 160, 1), False),
        ((170, -10, 180, 10), (179, 0, -179, 1), True),
        ((-180, -10, -170, 10), (179, 0, -179, 1), True),
        ((-180, -10, -170, 10), (170, 0, 180, 1), True),
        ((0, -10, 10, 10), (179, 0, -179, 1), False),
        ((170, -10, -170, 10), (179, 0, -179, 1), True),
        ((0, 0, 10, 10), None, False),
    ],
)
def test_place(
    select: tuple[float, ...],
    item: tuple[float, float, float, float] | None,
    selected: bool,  # noqa: FBT001 - a case's outcome
) -> None:
    """A box selects the items that touch it, over the antimeridian too."""
    planned, _ = _plan(_item(bbox=item), select={"bbox": select})

    assert len(planned.items) == int(selected)


def test_collision() -> None:
    """Assets that would have one name are all refused, and the others of their item are planned."""
    item = _item(
        "T32",
        _asset("a", href="https://data.example.org/1/x.tif"),
        _asset("b", href="https://data.example.org/2/x.tif"),
        _asset("c"),
    )

    planned, refusals = _plan(item, destination={"container": "assets", "name": "{item}/{file}"})

    assert _keys(planned) == ["c"]
    assert [(each.item, each.key, each.error) for each in refusals] == [
        ("s2/T32", "a", "BadNameError"),
        ("s2/T32", "b", "BadNameError"),
    ]
    assert _counts(planned) == (1, 1, 0, 0)


def test_collision_of_items() -> None:
    """Two items that would have one name are both refused."""
    planned, refusals = _plan(_item("a", _asset(destination="x")), _item("b", _asset(destination="x")), _item("c"))

    assert _counts(planned) == (3, 1, 0, 2)
    assert [each.item for each in refusals] == ["s2/a", "s2/b"]


@pytest.mark.parametrize(
    ("listed", "error"),
    [
        ({"href": "s3://bucket/a.tif"}, "UrlRefusedError"),
        ({"href": "./a.tif"}, "UrlRefusedError"),
        ({"href": "https:///a.tif"}, "UrlRefusedError"),
        ({"href": "https://[a/b"}, "UrlRefusedError"),
        ({"href": "https://data.example.org/"}, "BadNameError"),
        ({"href": "https://data.example.org/" + "a" * 8192}, "BadNameError"),
        ({"href": "https://data.example.org/a?" + "a" * 8192}, "MalformedCatalogError"),
        ({"key": "k" * 2049, "destination": "n"}, "MalformedCatalogError"),
        ({"key": "\ud800", "destination": "n"}, "MalformedCatalogError"),
        ({"size": 2**63}, "MalformedCatalogError"),
        ({"checksum": "crc:0"}, "MalformedCatalogError"),
        ({"key": "\x01" * 2048, "href": "https://h/a?" + "\x01" * 8000, "destination": "n"}, "RequestTooLargeError"),
    ],
)
def test_refused(listed: dict[str, Any], error: str) -> None:
    """An asset that can't be asked for is refused with its reason, and the rest of the page is planned."""
    planned, refusals = _plan(_item("bad", _asset(**listed)), _item("good"))

    assert [(each.item, each.error) for each in refusals] == [("s2/bad", error)]
    assert _counts(planned) == (2, 1, 0, 1)


def test_no_secret_in_a_refusal() -> None:
    """A refusal says nothing of an href's signature."""
    _, refusals = _plan(
        _item("T32", _asset(href="s3://bucket/a?X-Amz-Signature=secret"), _asset("b", checksum="crc:0"))
    )

    assert len(refusals) == 2
    assert "secret" not in str(refusals)


def test_twice() -> None:
    """An item that stands twice on a page counts once, with the assets of both; what comes last is taken."""
    first = _item("T32", _asset("a", size=1), _asset("b"))
    second = _item("T32", _asset("a", size=2), _asset("c"))

    planned, _ = _plan(first, second)

    assert [(each.key, each.size) for each in planned.items[0].assets] == [("a", 2), ("b", None), ("c", None)]
    assert _counts(planned) == (1, 1, 0, 0)


def test_refused_by_the_catalog() -> None:
    """What the catalog listed badly is available and refused, once an item, unless the rest of the item is planned."""
    refusals = (
        Refusal(item="line 1", key="line 1", error="MalformedCatalogError", message=""),
        Refusal(item="s2/partly", key="x", error="MalformedCatalogError", message=""),
        Refusal(item="s2/wholly", key="x", error="MalformedCatalogError", message=""),
        Refusal(item="s2/wholly", key="y", error="MalformedCatalogError", message=""),
    )
    wholly = CatalogItem(item="s2/wholly", collection="s2", id="wholly", assets=())

    planned, all_refusals = _plan(_item("partly"), wholly, refusals=refusals)

    assert all_refusals == refusals
    assert _counts(planned) == (3, 1, 0, 2)


def test_nothing() -> None:
    """An empty page is planned as one, and an item without assets is filtered."""
    assert _counts(_plan()[0]) == (0, 0, 0, 0)
    assert _counts(_plan(CatalogItem(item="i", id="i", assets=()))[0]) == (1, 0, 1, 0)


@settings(deadline=None)
@given(
    listed=st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from("xyz"),
            st.sampled_from(["https://h/1", "https://h/2", "ftp://h/1", "https://h/"]),
        ),
        max_size=12,
    ),
    refused=st.lists(st.sampled_from(["a", "b", "line 1"]), max_size=3),
    template=st.sampled_from(["{item}/{file}", "{item}/{key}", "{path}"]),
)
def test_counts_agree(listed: list[tuple[str, str, str]], refused: list[str], template: str) -> None:
    """Available is planned, filtered and refused together, whatever a page holds, and no name is there twice."""
    items = [CatalogItem(item=item, id=item, assets=(_asset(key, href=href),)) for item, key, href in listed]
    refusals = tuple(Refusal(item=each, key="", error="", message="") for each in refused)

    planned, _ = _plan(
        *items,
        refusals=refusals,
        select={"exclude": ["z"]},
        destination={"container": "assets", "name": template},
    )

    assert planned.available == len({item for item, _, _ in listed} | set(refused))
    assert planned.available == len(planned.items) + planned.filtered + planned.refused
    names = [asset.name for item in planned.items for asset in item.assets]
    assert len(names) == len(set(names))
    assert PlannedPage.model_validate_json(planned.model_dump_json()) == planned


@pytest.mark.parametrize(
    ("href", "source", "name"),
    [
        ("s3://bucket/a b/c.tif", {"kind": "s3", "endpoint": "https://s3.example.org"}, "bucket/a%20b/c.tif"),
        ("gs://bucket/a%20b.tif", {"kind": "gs", "endpoint": "https://gs.example.org"}, "bucket/a%2520b.tif"),
        (
            "az://data/con/a.tif",
            {"kind": "azure", "accounts": ["data"], "endpoint": "https://az.example.org"},
            "data/con/a.tif",
        ),
    ],
)
def test_buckets(href: str, source: dict[str, Any], name: str) -> None:
    """An object's address is asked for as it is written; its bucket is the host of its name, its key the path."""
    template = {"container": "assets", "name": "{host}/{path}"}

    planned, refusals = _plan(_item("T32", _asset(href=href)), destination=template, source=source)

    assert refusals == ()
    assert [(each.href, each.name) for each in planned.items[0].assets] == [(href, name)]


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("s3://bucket/a.tif", "s3:// addresses need [datasets.<name>.source] with kind = 's3' in datasets.toml"),
        ("s3://key:c4n4ry@bucket/a.tif", "the href can't be asked for: it isn't s3://bucket/key"),
        ("s3://bucket/a.tif?X-Amz-Signature=c4n4ry", "the href can't be asked for: a key with"),
    ],
)
def test_buckets_refused(href: str, said: str) -> None:
    """An object's address needs a source that has such, and names that a store has."""
    planned, refusals = _plan(_item("T32", _asset(href=href)))

    assert planned.items == ()
    assert [each.error for each in refusals] == ["UrlRefusedError"]
    assert refusals[0].message.startswith(said)
    assert "c4n4ry" not in repr(refusals)


def test_what_the_page_before_listed() -> None:
    """It counts there; it is planned all the same, and what it is called is told."""
    before = Page(items=(_item("a"), _item("b"), _item("c", _asset("z"))), next_token="next")
    refusal = Refusal(item="feature 4", key="", error="", message="")
    page = Page(
        items=(_item("b"), _item("c", _asset("z")), _item("d")), next_token=None, refusals=(refusal,), matched=9
    )

    planned, _ = plan_page(
        page,
        dataset_name="demo",
        dataset=dataset(select={"exclude": ["z"]}),
        capacity=24,
        before=tuple(before.names),
    )

    assert _counts(planned) == (2, 2, 0, 1)
    assert [each.item for each in planned.items] == ["s2/b", "s2/d"]
    assert (planned.repeats, planned.repeated, planned.matched) == (2, ("s2/b",), 9)
    assert planned.listed == tuple(page.names)
    assert list(page.names.values()) == ["s2/b", "s2/c", "s2/d", "feature 4"]


def test_names_that_stand_twice_in_a_request() -> None:
    """An item that is to be published is named once more: what barely fits without that is refused."""
    huge = _asset("\x01" * 1000, href="https://data.example.org/a?" + "\x01" * 2500, destination="a.tif")
    item = CatalogItem(item="\x01" * 2000, id="long", assets=(huge,))

    refused = [
        [each.error for each in _plan(item, **parts)[1]] for parts in ({"publish": None}, {"publish": Publish()})
    ]

    assert refused == [[], ["RequestTooLargeError"]]


@pytest.mark.parametrize(("key", "expected"), [("B04", True), ("B04-preview", False), ("A", False)])
def test_selected_by_key(key: str, expected: bool) -> None:  # noqa: FBT001 - a case
    """What can't be read of the catalog's asset doesn't say that it isn't selected."""
    assert is_selected_by_key(key, select=Selection(include=("B*",), exclude=("*preview",))) is expected
