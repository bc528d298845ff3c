"""One item of a catalog, asked for by its name."""

import json
from typing import Any

import pytest

from shared.catalogs import stac
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.model.datasets import Allowlist, Selection
from shared.model.errors import (
    MalformedCatalogError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UrlRefusedError,
)
from shared.model.windows import Window
from tests.fakes.egress import Answer, Asked, FakeEgress

_API = "https://stac.example.org/v1"
_ITEM = f"{_API}/collections/s2/items/T32"


def _feature(**members: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "collection": "s2",
        "id": "T32",
        "properties": {},
        "assets": {"B04": {"href": "https://data.example.org/B04.tif"}},
        **members,
    }


def _search(answer: Answer, *, url: str = _API) -> tuple[StacSearch, FakeEgress]:
    http = FakeEgress(lambda _: answer)
    catalog = StacCatalog(kind="stac", url=url)
    return StacSearch(catalog, allow=Allowlist(hosts=("*.example.org",)), http=http, select=Selection()), http


def _json(value: object) -> Answer:
    return Answer(chunks=(json.dumps(value).encode(),))


async def test_request() -> None:
    """An item is one GET, and is read as one of a page is."""
    search, http = _search(_json(_feature()))
    on_page, _ = _search(_json({"features": [_feature()], "links": []}))

    item = await search.item("s2/T32")

    assert (item,) == (await on_page.page(None, window=Window())).items
    headers = {"accept": "application/geo+json, application/json;q=0.9"}
    assert http.asked == [Asked(method="GET", url=_ITEM, headers=headers)]


@pytest.mark.parametrize(
    ("url", "name", "asked"),
    [
        ("https://stac.example.org", "s2/T32", "https://stac.example.org/collections/s2/items/T32"),
        (f"{_API}/", "s2/T32", _ITEM),
        (f"{_API}/search", "s2/T32", _ITEM),
        (f"{_API}/search/", "s2/T32", _ITEM),
        (f"{_API}?key=1", "s2/T32", f"{_ITEM}?key=1"),
        ("https://stac.example.org/research", "s2/T32", "https://stac.example.org/research/collections/s2/items/T32"),
        (_API, "s2/a/b", f"{_API}/collections/s2/items/a%2Fb"),
        (_API, "s2/..%2F", f"{_API}/collections/s2/items/..%252F"),
        (_API, "s 2/é?#&", f"{_API}/collections/s%202/items/%C3%A9%3F%23%26"),
    ],
)
async def test_address(url: str, name: str, asked: str) -> None:
    """It lies below the API's landing page; a name is one component each for collection and item."""
    search, http = _search(Answer(status=404), url=url)

    await search.item(name)

    assert [each.url for each in http.asked] == [asked]


@pytest.mark.parametrize("name", ["", "T32", "/T32", "s2/", "s2/.", "s2/..", "./T32", "../T32"])
async def test_no_address(name: str) -> None:
    """An item of no collection has none, and a name of dots would lead elsewhere: nothing is asked."""
    search, http = _search(_json(_feature()))

    assert await search.item(name) is None
    assert http.asked == []


@pytest.mark.parametrize("status", [404, 410])
async def test_absent(status: int) -> None:
    """Only an answer that says so means that there is no such item."""
    search, _ = _search(Answer(status=status))

    assert await search.item("s2/T32") is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=403), SourceRefusedError),
        (Answer(status=429), SourceThrottledError),
        (Answer(status=503), SourceUnavailableError),
        (Answer(chunks=(b"{",), truncated=True), TruncatedBodyError),
    ],
    ids=["refused", "throttled", "down", "truncated"],
)
async def test_could_not_tell(answer: Answer, error: type[Exception]) -> None:
    """Every other failure says nothing of the item."""
    search, _ = _search(answer)

    with pytest.raises(error):
        await search.item("s2/T32")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(chunks=(b"<html>",)), "is no JSON"),
        (Answer(chunks=(b"[" * 65 + b"]" * 65,)), "nested more than 64 levels deep"),
        (_json([]), "no item of STAC"),
        (_json({"features": [_feature()]}), "no item of STAC"),
        (_json(_feature(id="T33")), "another item, found 's2/T33'"),
        (_json(_feature(collection=None)), "another item, found 'T32'"),
    ],
)
async def test_malformed(answer: Answer, says: str) -> None:
    """What isn't this item is none; the error names the address and what came instead."""
    search, _ = _search(answer)

    with pytest.raises(MalformedCatalogError, match=says) as caught:
        await search.item("s2/T32")

    assert str(caught.value).startswith(_ITEM)


async def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """An item may be as large as a page, and no larger."""
    monkeypatch.setattr(stac, "_MAX_PAGE_BYTES", 8)
    search, _ = _search(Answer(chunks=(b"[       ]",)))

    with pytest.raises(MalformedCatalogError, match="more than 8 bytes"):
        await search.item("s2/T32")


async def test_outside_the_allowlist() -> None:
    """The dataset's allowlist holds for it, too."""
    search, _ = _search(_json(_feature()), url="https://evil.example.net")

    with pytest.raises(UrlRefusedError):
        await search.item("s2/T32")


async def test_an_asset_that_cannot_be_read() -> None:
    """The others of its item are there all the same."""
    search, _ = _search(_json(_feature(assets={"bad": {}, "B04": {"href": "https://data.example.org/B04.tif"}})))

    item = await search.item("s2/T32")

    assert item is not None
    assert [each.key for each in item.assets] == ["B04"]


@pytest.mark.parametrize("links", [[], [{"rel": "self", "href": "./T32.json"}]], ids=["none", "relative"])
async def test_hrefs(links: list[Any]) -> None:
    """An item that doesn't say its own address has the hrefs that it has on a page."""
    feature = _feature(links=links, assets={"B04": {"href": "./B04.tif"}})
    search, _ = _search(_json(feature))
    on_page, _ = _search(_json({"features": [feature], "links": []}))

    item = await search.item("s2/T32")

    assert (item,) == (await on_page.page(None, window=Window())).items
