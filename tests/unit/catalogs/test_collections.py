"""One collection of a catalog, asked for by its name."""

import json
from typing import Any

import pytest

from shared.catalogs.stac import StacCatalog, StacSearch
from shared.model.datasets import Allowlist, Selection
from shared.model.errors import MalformedCatalogError, SourceUnavailableError
from tests.fakes.egress import Answer, FakeEgress

_API = "https://stac.example.org/v1"


def _collection(**members: Any) -> dict[str, Any]:
    return {"type": "Collection", "id": "s2", "links": [], **members}


def _search(answer: Answer, *, url: str = _API) -> tuple[StacSearch, FakeEgress]:
    http = FakeEgress(lambda _: answer)
    catalog = StacCatalog(kind="stac", url=url)
    return StacSearch(catalog, allow=Allowlist(hosts=("*.example.org",)), http=http, select=Selection()), http


def _json(value: object) -> Answer:
    return Answer(chunks=(json.dumps(value).encode(),))


@pytest.mark.parametrize(
    ("url", "name", "asked"),
    [
        (f"{_API}/search", "s2", f"{_API}/collections/s2"),
        (f"{_API}?key=1", "a/b é", f"{_API}/collections/a%2Fb%20%C3%A9?key=1"),
    ],
)
async def test_address(url: str, name: str, asked: str) -> None:
    """It lies below the API's landing page, and its name is one component."""
    search, http = _search(Answer(status=404), url=url)

    assert await search.collection(name) is None
    assert [each.url for each in http.asked] == [asked]


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_no_address(name: str) -> None:
    """A name of dots would lead elsewhere: nothing is asked."""
    search, http = _search(_json(_collection()))

    assert await search.collection(name) is None
    assert http.asked == []


@pytest.mark.parametrize(
    ("links", "address"),
    [
        ([], f"{_API}/collections/s2"),
        ("none", f"{_API}/collections/s2"),
        (
            ["junk", {"rel": "self"}, {"rel": "self", "href": "https://data.example.org/s2.json"}],
            "https://data.example.org/s2.json",
        ),
        ([{"rel": "self", "href": 1}], f"{_API}/collections/s2"),
        ([{"rel": "self", "href": "https://["}], f"{_API}/collections/s2"),
    ],
)
async def test_whole(links: object, address: str) -> None:
    """A collection comes whole, with the address that it says it has, or else that of where it was found."""
    search, _ = _search(_json(_collection(links=links, summaries={"gsd": [10]})))

    found = await search.collection("s2")

    assert found is not None
    assert (found.document, found.address) == (_collection(links=links, summaries={"gsd": [10]}), address)


@pytest.mark.parametrize("body", [[], _collection(id="s1"), _collection(type="Catalog")])
async def test_something_else(body: object) -> None:
    """What stands there isn't this collection."""
    search, _ = _search(_json(body))

    with pytest.raises(MalformedCatalogError, match="isn't the collection 's2'"):
        await search.collection("s2")


async def test_unavailable() -> None:
    """Trouble of the host's is the host's, and no missing collection."""
    search, _ = _search(Answer(status=503))

    with pytest.raises(SourceUnavailableError):
        await search.collection("s2")
