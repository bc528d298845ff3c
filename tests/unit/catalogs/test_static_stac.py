import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogs import static_documents, static_stac
from shared.catalogs.static_documents import read_node
from shared.catalogs.static_stac import StaticStac, StaticStacCatalog
from shared.catalogs.tree import Leaf, Node
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    EndlessCatalogError,
    MalformedCatalogError,
    SourceChangedError,
    SourceRefusedError,
    SourceThrottledError,
    UrlRefusedError,
    WindowError,
)
from shared.model.items import CatalogAsset, CatalogItem, Page, Refusal
from shared.model.windows import TimeProperty, Window
from tests.fakes.egress import Answer, Asked, FakeEgress

_URL = "https://stac.example.org/v1/catalog.json"
_ALLOW = Allowlist(hosts=("*.example.org",))
_OPEN = Window()
_JUNE = datetime(2024, 6, 1, tzinfo=UTC)


def _item(name: str, **members: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": name,
        "properties": {"datetime": "2024-06-01T00:00:00Z"},
        "assets": {"data": {"href": f"./{name}.tif"}},
        **members,
    }


def _links(*links: tuple[str, str], kind: str = "Catalog") -> dict[str, Any]:
    return {"type": kind, "id": "c", "links": [{"rel": rel, "href": href} for rel, href in links]}


def _listed(name: str, folder: str, collection: str | None = None) -> CatalogItem:
    asset = CatalogAsset(key="data", href=f"{folder}{name}.tif")
    item = f"{collection}/{name}" if collection else name
    return CatalogItem(item=item, collection=collection, id=name, datetime=_JUNE, assets=(asset,))


_ROOT = "https://stac.example.org/v1/"
_DOCUMENTS: dict[str, Any] = {
    _URL: _links(
        ("root", "./catalog.json"),
        ("child", "./s2/collection.json"),
        ("item", "T01.json"),
        ("child", "https://other.example.org/l8.json"),
        ("license", "https://example.net"),
    ),
    f"{_ROOT}s2/collection.json": _links(
        ("parent", "../catalog.json"), ("item", "./T32/T32.json"), ("item", "/v1/s2/T33.json"), kind="Collection"
    ),
    f"{_ROOT}s2/T32/T32.json": _item("T32", collection="s2"),
    f"{_ROOT}s2/T33.json": _item("T33", collection="s2"),
    f"{_ROOT}T01.json": _item("T01"),
    "https://other.example.org/l8.json": _links(("items", "l8-items.json")),
    "https://other.example.org/l8-items.json": {
        "type": "FeatureCollection",
        "features": [_item("L1"), _item("L2")],
        "links": [{"rel": "self", "href": "x"}],
    },
}
_ITEMS = [
    _listed("T32", f"{_ROOT}s2/T32/", "s2"),
    _listed("T33", f"{_ROOT}s2/", "s2"),
    _listed("T01", _ROOT),
    _listed("L1", "https://other.example.org/"),
    _listed("L2", "https://other.example.org/"),
]


def _stac(documents: dict[str, Any], **catalog: Any) -> tuple[StaticStac, FakeEgress]:
    def serve(asked: Asked) -> Answer:
        found = documents.get(asked.url)
        if isinstance(found, Answer):
            return found
        return Answer(status=404) if found is None else Answer(chunks=(json.dumps(found).encode(),))

    http = FakeEgress(serve)
    values: dict[str, Any] = {"kind": "static_stac", "url": _URL, **catalog}
    return StaticStac(StaticStacCatalog(**values), allow=_ALLOW, http=http), http


async def _pages(documents: dict[str, Any], **catalog: Any) -> list[Page]:
    pages: list[Page] = []
    while not pages or pages[-1].next_token is not None:
        token = pages[-1].next_token if pages else None
        # Another process, which knows no more than the message.
        pages.append(await _stac(documents, **catalog)[0].page(token, window=_OPEN))
    return pages


async def _first(documents: dict[str, Any], window: Window = _OPEN) -> Page:
    return await _stac(documents)[0].page(None, window=window)


@pytest.mark.parametrize(("page_size", "counts"), [(100, [5]), (2, [2, 2, 1]), (1, [1, 1, 1, 1, 1, 0])])
async def test_tree(page_size: int, counts: list[int]) -> None:
    """Links lead to catalogs, collections, item collections and items, as seen from each document, in their order."""
    pages = await _pages(_DOCUMENTS, page_size=page_size)

    assert [each for page in pages for each in page.items] == _ITEMS
    assert [len(page.items) for page in pages] == counts
    assert [each for page in pages for each in page.refusals] == []


async def test_documents_of_items() -> None:
    """An item has its whole document with it, and the address that this is seen from."""
    page = await _first(_DOCUMENTS)

    assert [(each.document, each.address) for each in page.items[2:4]] == [
        (_item("T01"), f"{_ROOT}T01.json"),
        (_item("L1"), "https://other.example.org/l8-items.json"),
    ]


async def test_old_catalogs() -> None:
    """A catalog without a type, as before STAC 1.0, is one."""
    documents = {_URL: {"id": "old", "links": [{"rel": "item", "href": "T01.json"}]}, f"{_ROOT}T01.json": _item("T01")}

    assert (await _first(documents)).items == (_listed("T01", _ROOT),)


async def test_after_redirects() -> None:
    """Links are seen from where a document is at last."""
    moved = "https://new.example.org/x/catalog.json"
    answer = Answer(chunks=(json.dumps(_links(("item", "T01.json"))).encode(),), url=moved)

    page = await _first({_URL: answer, "https://new.example.org/x/T01.json": _item("T01")})

    assert page.items == (_listed("T01", "https://new.example.org/x/"),)


async def test_signed_links() -> None:
    """A link is followed without its signature: no secret rests in a token."""
    documents = {
        _URL: _links(("child", "c.json?sig=secret&sv=1&year=2024")),
        f"{_ROOT}c.json?year=2024": _links(("item", "a.json"), ("item", "b.json")),
        f"{_ROOT}a.json": _item("a"),
        f"{_ROOT}b.json": _item("b"),
    }

    pages = await _pages(documents, page_size=1)

    assert [each.id for page in pages for each in page.items] == ["a", "b"]
    assert "secret" not in str(pages)


async def test_what_is_asked() -> None:
    """JSON is asked for, each document once a page."""
    stac, http = _stac(_DOCUMENTS)
    await stac.page(None, window=_OPEN)

    assert {each.url for each in http.asked} == set(_DOCUMENTS)
    assert len(http.asked) == len(_DOCUMENTS)
    assert {each.headers["accept"] for each in http.asked} == {
        "application/geo+json, application/json;q=0.9, */*;q=0.1"
    }


@pytest.mark.parametrize(
    ("document", "error", "said"),
    [
        (Answer(status=404), "AssetNotFoundError", "T01.json: stac.example.org answered 404"),
        (Answer(chunks=(b"<html>",)), "MalformedCatalogError", "T01.json is no JSON"),
        (Answer(chunks=(b"[" * 100,)), "MalformedCatalogError", "levels deep"),
        (Answer(chunks=(b" " * 4_194_305,)), "MalformedCatalogError", "T01.json has more than 4194304 bytes"),
        ([], "MalformedCatalogError", "no item of STAC"),
        ({"type": "FeatureCollection", "features": []}, "MalformedCatalogError", "no item of STAC"),
    ],
)
async def test_bad_items(document: Any, error: str, said: str) -> None:
    """An item that can't be read is refused under its address, and stops nothing else."""
    page = await _first({**_DOCUMENTS, f"{_ROOT}T01.json": document})

    assert [each.id for each in page.items] == ["T32", "T33", "L1", "L2"]
    ((item, key, found, message),) = ((each.item, each.key, each.error, each.message) for each in page.refusals)
    assert (item, key, found) == (f"{_ROOT}T01.json", "", error)
    assert said in message


async def test_large_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """All items of a page are in memory at once: a page of too many bytes is an error that says what to do."""
    size = len(json.dumps(_DOCUMENTS[f"{_ROOT}T01.json"])) + 2 * len(json.dumps(_DOCUMENTS[f"{_ROOT}s2/T33.json"]))
    monkeypatch.setattr(static_stac, "_MAX_PAGE_BYTES", size)
    assert len((await _first(_DOCUMENTS)).items) == 5
    monkeypatch.setattr(static_stac, "_MAX_PAGE_BYTES", size - 1)

    with pytest.raises(MalformedCatalogError, match="page_size has to be smaller"):
        await _first(_DOCUMENTS)


async def test_items_elsewhere() -> None:
    """An item on a host that isn't allowed is refused, and isn't asked for."""
    stac, http = _stac({_URL: _links(("item", "https://evil.example.net/a.json?sig=secret&sv=1"))})

    page = await stac.page(None, window=_OPEN)

    assert page.refusals == (
        Refusal(
            item="https://evil.example.net/a.json",
            key="",
            error="UrlRefusedError",
            message="the host 'evil.example.net' isn't in allow.hosts",
        ),
    )
    assert [each.url for each in http.asked] == [_URL]


@pytest.mark.parametrize("href", [None, "", 7, "https://[", "\ud800.json"])
async def test_links_to_items_that_lead_nowhere(href: object) -> None:
    """A link to an item that can't be followed is refused by its number; the others are followed."""
    links = [{"rel": "item", "href": href}, {"rel": "item", "href": "T01.json"}]

    page = await _first({_URL: {"type": "Catalog", "links": links}, f"{_ROOT}T01.json": _item("T01")})

    assert page.items == (_listed("T01", _ROOT),)
    assert [(each.item, each.error) for each in page.refusals] == [(f"link 1 of {_URL}", "MalformedCatalogError")]


async def test_bad_features() -> None:
    """A feature of an item collection that can't be read is refused by its number."""
    features = [None, _item("L1"), {"type": "Feature", "id": "\ud800"}]

    page = await _first({**_DOCUMENTS, "https://other.example.org/l8-items.json": _collection(features)})

    where = "https://other.example.org/l8-items.json"
    assert [each.id for each in page.items] == ["T32", "T33", "T01", "L1"]
    assert [each.item for each in page.refusals] == [f"feature 1 of {where}", "\\ud800"]


def _collection(features: Any, **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features, **members}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (Answer(chunks=(b"<html>",)), "s2/collection.json is no JSON"),
        (Answer(chunks=(b" " * 101,)), "s2/collection.json has more than 100 bytes"),
        ([], "is no catalog and no collection of STAC, found"),
        ({"type": "Catalog"}, "is no catalog"),
        ({"type": "Catalog", "links": {}}, "is no catalog"),
        ({"type": "Feature", "links": []}, "is no catalog"),
        ({"type": ["Catalog"], "links": []}, "is no catalog"),
        (_collection({}), "is no catalog"),
        (_collection([], links=[{"rel": "next"}]), "a page of an API, which is another kind of catalog: stac"),
        ({"type": "Catalog", "links": [{"rel": "child"}]}, "link 1 of .* leads nowhere"),
        ({"type": "Catalog", "links": [{"rel": "items", "href": "https://["}]}, "leads nowhere"),
    ],
)
async def test_bad_catalogs(document: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document in the middle that can't be read ends the run: nobody knows what it would list."""
    monkeypatch.setattr(static_stac, "_MAX_NODE_BYTES", 100)
    documents = {_URL: _links(("child", "s2/collection.json")), f"{_ROOT}s2/collection.json": document}

    with pytest.raises(MalformedCatalogError, match=said):
        await _first(documents)


@pytest.mark.parametrize(
    "document", [_collection([1, 2, 3]), {"type": "Catalog", "links": [1, 2, 3]}], ids=["features", "links"]
)
async def test_too_many_entries(document: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document of millions of entries that are none ends the run before they fill the memory."""
    monkeypatch.setattr(static_documents, "_MOST_ENTRIES", 2)

    with pytest.raises(MalformedCatalogError, match="lists 3 entries, and 2 it may: split it"):
        await _first({_URL: document})


async def test_missing_catalogs() -> None:
    """A catalog that isn't there is an error that says where; one that was there begins the run again."""
    with pytest.raises(AssetNotFoundError, match=r"v1/s2\.json: stac\.example\.org answered 404"):
        await _first({_URL: _links(("child", "s2.json"))})
    documents = {_URL: _links(("child", "s2.json")), f"{_ROOT}s2.json": _links(("item", "a.json"), ("item", "b.json"))}
    token = (await _stac(documents, page_size=1)[0].page(None, window=_OPEN)).next_token
    with pytest.raises(SourceChangedError):
        await _stac({_URL: documents[_URL]})[0].page(token, window=_OPEN)


async def test_features_that_change() -> None:
    """Another feature in the place of one that was read begins the run again."""
    documents = {_URL: _collection([_item("L1"), _item("L2")])}
    token = (await _stac(documents, page_size=1)[0].page(None, window=_OPEN)).next_token
    documents[_URL] = _collection([_item("L0"), _item("L1"), _item("L2")])

    with pytest.raises(SourceChangedError):
        await _stac(documents)[0].page(token, window=_OPEN)


async def test_catalogs_elsewhere() -> None:
    """A catalog on a host that isn't allowed ends the run: all below it would be missing."""
    with pytest.raises(UrlRefusedError):
        await _first({_URL: _links(("child", "https://evil.example.net/catalog.json"))})


async def test_cycle() -> None:
    """A catalog that is named below itself is found out, whatever its link looks like."""
    documents = {_URL: _links(("child", "s2/c.json")), f"{_ROOT}s2/c.json": _links(("child", "../catalog.json#top"))}

    with pytest.raises(EndlessCatalogError):
        await _first(documents)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=429), SourceThrottledError),
        (Answer(status=403), SourceRefusedError),
    ],
)
async def test_trouble_of_a_host(answer: Answer, error: type[Exception]) -> None:
    """What may be over tomorrow is no reason to refuse an item: the page is asked for again."""
    with pytest.raises(error):
        await _first({**_DOCUMENTS, f"{_ROOT}T01.json": answer})


async def test_windows() -> None:
    """Of items outside a window no asset is taken, so that they count as filtered; both ends belong to it."""
    times = ["2024-05-31T23:59:59Z", "2024-06-01T00:00:00Z", "2024-07-01T00:00:00Z", None]
    bad: dict[str, dict[str, str]] = {"data": {"href": "a.tif"}, "bad": {}}
    features = [_item(f"L{n}", properties={"datetime": time}, assets=bad) for n, time in enumerate(times)]
    features.append(_item("L4"))

    page = await _first({_URL: _collection(features)}, window=Window.parse("2024-06-01T00:00:00Z/2024-06-30T00:00:00Z"))

    assert [(each.id, len(each.assets)) for each in page.items] == [
        ("L0", 0),
        ("L1", 1),
        ("L2", 0),
        ("L3", 0),
        ("L4", 1),
    ]
    assert [(each.item, each.key) for each in page.refusals] == [("L1", "bad")]


async def test_window_without_moments() -> None:
    """Windows that don't meet are asked for nothing."""
    stac, http = _stac(_DOCUMENTS)
    nothing = Window.parse("2024-06-01/..").meet(Window.parse("../2024-01-01"))

    assert await stac.page(None, window=nothing) == Page(items=(), next_token=None)
    assert http.asked == []


async def test_other_times() -> None:
    """A static STAC can't be asked for what is new; without a window there is nothing to ask for."""
    stac, _ = _stac(_DOCUMENTS)

    with pytest.raises(WindowError, match="by updated"):
        await stac.page(None, window=Window.parse("2024-06-01/.."), by=TimeProperty.UPDATED)
    assert list((await stac.page(None, window=_OPEN, by=TimeProperty.UPDATED)).items) == _ITEMS


async def test_nothing_has_an_address() -> None:
    """What items and collections are called doesn't tell where they are."""
    stac, http = _stac(_DOCUMENTS)

    assert (await stac.item("s2/T32"), await stac.collection("s2"), http.asked) == (None, None, [])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["Catalog", "child", "item"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "links", "rel", "href", "features", "id"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=300)
@given(document=_JSON | st.fixed_dictionaries({"links": st.lists(_JSON)}))
def test_any_document(document: Any) -> None:
    """Whatever stands there, it is read or it is an error of ours; addresses can be written."""
    try:
        entries = read_node(json.dumps(document).encode(), address=_URL)
    except MalformedCatalogError:
        return
    assert all(isinstance(each, Node | Leaf) and each.address.encode() for each in entries)
