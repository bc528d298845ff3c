import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.catalogs import stac
from shared.catalogs.json_text import parse_json
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.model.datasets import Allowlist, Selection
from shared.model.errors import (
    AssetNotFoundError,
    EndlessCatalogError,
    MalformedCatalogError,
    MalformedRequestError,
    SourceThrottledError,
    TruncatedBodyError,
    UrlRefusedError,
)
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.windows import Window
from tests.fakes.egress import Answer, Asked, FakeEgress

_SEARCH = "https://stac.example.org/v1/search"
_ALL = Selection()
_ALLOW = Allowlist(hosts=("*.example.org",))
_OPEN = Window()
_SHA256 = hashlib.sha256(b"a").hexdigest()
_MD5 = hashlib.md5(b"a").hexdigest()


def _feature(name: str = "T32", **members: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "collection": "s2",
        "id": name,
        "geometry": None,
        "bbox": [7.5, 47, 8.5, 48],
        "properties": {"datetime": "2024-06-01T10:00:00Z"},
        "links": [],
        "assets": {"B04": {"href": "https://data.example.org/B04.tif"}},
        **members,
    }


def _body(*features: Any, **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, "links": [], **members}).encode()


def _next(**members: Any) -> list[dict[str, Any]]:
    return [{"rel": "self", "href": _SEARCH}, {"rel": "next", **members}]


def _search(
    server: Callable[[Asked], Answer] | bytes, *, select: Selection = _ALL, **catalog: Any
) -> tuple[StacSearch, FakeEgress]:
    http = FakeEgress((lambda _: Answer(chunks=(server,))) if isinstance(server, bytes) else server)
    defaults: dict[str, Any] = {"kind": "stac", "url": "https://stac.example.org/v1", "page_size": 2}
    return StacSearch(StacCatalog(**{**defaults, **catalog}), allow=_ALLOW, http=http, select=select), http


async def _page(body: bytes, token: str | None = None) -> Page:
    search, _ = _search(body)
    return await search.page(token, window=_OPEN)


async def _asset(**members: Any) -> CatalogAsset:
    page = await _page(_body(_feature(assets={"B04": {"href": "https://data.example.org/B04.tif", **members}})))
    return page.items[0].assets[0]


async def test_first_request() -> None:
    """The first page is asked for by collections, query, limit and the run's window."""
    search, http = _search(
        _body(), collections=("s2", "s1"), query={"filter": {"op": "="}, "limit": 7, "datetime": "2000-01-01/.."}
    )

    page = await search.page(None, window=Window.parse("2024-01-01/2024-02-01"))

    assert page == Page(items=(), next_token=None)
    (asked,) = http.asked
    assert (asked.method, asked.url) == ("POST", _SEARCH)
    assert asked.headers == {
        "accept": "application/geo+json, application/json;q=0.9",
        "content-type": "application/json",
    }
    assert json.loads(asked.body or b"") == {
        "collections": ["s2", "s1"],
        "filter": {"op": "="},
        "limit": 2,
        "datetime": "2024-01-01T00:00:00Z/2024-02-01T00:00:00Z",
    }


async def test_open_window() -> None:
    """Without a window and collections, neither is asked for; what the dataset's query says stays."""
    search, http = _search(_body(), query={"datetime": "2000-01-01/.."})

    await search.page(None, window=_OPEN)

    assert json.loads(http.asked[0].body or b"") == {"limit": 2, "datetime": "2000-01-01/.."}


async def test_get() -> None:
    """A GET search writes lists with commas and everything else that isn't text as JSON."""
    search, http = _search(
        _body(),
        method="GET",
        url="https://stac.example.org/v1/?key=1",
        collections=("s2", "s1"),
        query={"bbox": [1, 2.5, 3, 4], "query": {"a": {"lt": 5}}, "sortby": "-id", "exact": True},
    )

    await search.page(None, window=Window.parse("2024-01-01/.."))

    (asked,) = http.asked
    assert (asked.method, asked.body, "content-type" in asked.headers) == ("GET", None, False)
    assert asked.url.startswith(f"{_SEARCH}?")
    assert parse_qs(urlsplit(asked.url).query) == {
        "key": ["1"],
        "collections": ["s2,s1"],
        "limit": ["2"],
        "bbox": ["1,2.5,3,4"],
        "query": ['{"a":{"lt":5}}'],
        "sortby": ["-id"],
        "exact": ["true"],
        "datetime": ["2024-01-01T00:00:00Z/.."],
    }


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://stac.example.org", "https://stac.example.org/search"),
        ("https://stac.example.org/", "https://stac.example.org/search"),
        ("https://stac.example.org/v1/search", _SEARCH),
        ("https://stac.example.org/v1/search/", _SEARCH),
        ("https://stac.example.org/research", "https://stac.example.org/research/search"),
    ],
)
async def test_address(url: str, asked: str) -> None:
    """A landing page's search lies below it; an address that ends in /search is the search."""
    search, http = _search(_body(), url=url)

    await search.page(None, window=_OPEN)

    assert http.asked[0].url == asked


async def test_window_without_moments() -> None:
    """Windows that don't meet are asked for nothing."""
    search, http = _search(_body(_feature()))
    nothing = Window.parse("2024-06-01/..").meet(Window.parse("../2024-01-01"))

    assert await search.page(None, window=nothing) == Page(items=(), next_token=None)
    assert http.asked == []


async def test_what_is_selected_is_asked_for() -> None:
    """The API is asked for the selected times and box, so that it lists no more than is wanted."""
    select = Selection(datetime="2024-01-01T00:00:00Z/2024-02-01T00:00:00Z", bbox=(8.5, 47.0, 9.0, 47.5))
    search, http = _search(_body(), select=select)

    await search.page(None, window=Window.parse("2024-01-15T00:00:00Z/.."))

    expected = {"limit": 2, "datetime": "2024-01-15T00:00:00Z/2024-02-01T00:00:00Z", "bbox": [8.5, 47.0, 9.0, 47.5]}
    assert [json.loads(each.body or b"") for each in http.asked] == [expected]


async def test_window_outside_of_what_is_selected() -> None:
    """A window in which nothing is selected asks for nothing."""
    search, http = _search(_body(_feature()), select=Selection(datetime="../2024-01-01T00:00:00Z"))

    page = await search.page(None, window=Window.parse("2024-06-01T00:00:00Z/.."))

    assert page == Page(items=(), next_token=None)
    assert http.asked == []


_FIRST_BODY = {"limit": 2, "collections": ["s2"]}


@pytest.mark.parametrize(
    ("link", "method", "url", "body", "headers"),
    [
        ({"href": f"{_SEARCH}?token=2"}, "GET", f"{_SEARCH}?token=2", None, {}),
        ({"href": "?token=2", "method": "GET", "merge": True}, "GET", f"{_SEARCH}?token=2", None, {}),
        ({"href": "/v1/search", "method": "post", "body": {"token": "x"}}, "POST", _SEARCH, {"token": "x"}, {}),
        (
            {"href": _SEARCH, "method": "POST", "body": {"skip": 2, "limit": 9}, "merge": True},
            "POST",
            _SEARCH,
            {"collections": ["s2"], "limit": 9, "skip": 2},
            {},
        ),
        (
            {"href": _SEARCH, "method": "POST", "headers": {"Page": 2}, "merge": True},
            "POST",
            _SEARCH,
            _FIRST_BODY,
            {"page": "2"},
        ),
        (
            {"href": _SEARCH, "method": "POST", "headers": {"next-token": "2"}},
            "POST",
            _SEARCH,
            None,
            {"next-token": "2"},
        ),
        (
            {"href": f"{_SEARCH}?p=2", "method": None, "headers": None, "body": None, "merge": None},
            "GET",
            f"{_SEARCH}?p=2",
            None,
            {},
        ),
    ],
)
async def test_next_link(
    link: dict[str, Any], method: str, url: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> None:
    """A next link is followed as it says: method, address, headers, body, merged into the last request or not."""
    pages = [_body(links=_next(**link)), _body(_feature())]
    remaining = iter(pages)
    search, http = _search(lambda _: Answer(chunks=(next(remaining),)), collections=("s2",))

    first = await search.page(None, window=_OPEN)
    second = await search.page(first.next_token, window=_OPEN)

    assert (len(first.items), len(second.items), second.next_token) == (0, 1, None)
    asked = http.asked[1]
    assert (asked.method, asked.url) == (method, url)
    assert (json.loads(asked.body) if asked.body else None) == body
    sent = {name: value for name, value in asked.headers.items() if name not in {"accept", "content-type"}}
    assert sent == headers


async def test_merged_pages() -> None:
    """Merged members stay for all later pages, and a page is asked for again from its token alone."""
    bodies: list[Any] = []

    def serve(asked: Asked) -> Answer:
        bodies.append(json.loads(asked.body or b""))
        following = _next(href="search", method="POST", merge=True, body={"token": f"t{len(bodies)}"})
        return Answer(chunks=(_body(links=following),))

    search, _ = _search(serve, collections=("s2",))
    first = await search.page(None, window=_OPEN)
    second = await search.page(first.next_token, window=_OPEN)
    another, _ = _search(serve, collections=("changed meanwhile",), page_size=9)
    await another.page(second.next_token, window=_OPEN)

    assert bodies == [_FIRST_BODY, {**_FIRST_BODY, "token": "t1"}, {**_FIRST_BODY, "token": "t2"}]


async def test_merged_headers() -> None:
    """A header of a later page takes the place of the one before it, however both are written."""
    marks = iter([{"Search-After": "a", "X-Run": "1"}, {"search-after": "b", "ACCEPT": "application/json"}, {}])

    def serve(_: Asked) -> Answer:
        link = _next(href=f"{_SEARCH}?left={len(http.asked)}", headers=next(marks), merge=True)
        return Answer(chunks=(_body(links=link),))

    search, http = _search(serve, method="GET")
    first = await search.page(None, window=_OPEN)
    second = await search.page(first.next_token, window=_OPEN)
    await search.page(second.next_token, window=_OPEN)

    assert [dict(each.headers) for each in http.asked[1:]] == [
        {"accept": "application/geo+json, application/json;q=0.9", "search-after": "a", "x-run": "1"},
        {"accept": "application/json", "search-after": "b", "x-run": "1"},
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "cookie", "X-Api-Key", "Ocp-Apim-Subscription-Key", "X-Auth-Token", "x-amz-security-token"),
        *("Host", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "bad name", "é"),
    ],
)
async def test_dropped_headers(name: str) -> None:
    """Credentials don't rest in a token, and a next link doesn't say how the connection is made."""
    page = await _page(_body(links=_next(href=f"{_SEARCH}?page=2", headers={name: "secret", "x": "a\r\nb"})))

    assert page.next_token == json.dumps({"href": f"{_SEARCH}?page=2"}, separators=(",", ":"))


async def test_next_link_after_redirects() -> None:
    """A relative link is seen from where the page came from at last."""
    moved = "https://new.example.org/api/search"
    search, _ = _search(lambda _: Answer(chunks=(_body(links=_next(href="?page=2")),), url=moved))

    page = await search.page(None, window=_OPEN)

    assert json.loads(page.next_token or "") == {"href": f"{moved}?page=2"}


async def test_outside_the_allowlist() -> None:
    """A next link to a host that isn't allowed is refused when it is followed."""
    search, http = _search(_body(links=_next(href="https://evil.example.net/search")))
    page = await search.page(None, window=_OPEN)

    with pytest.raises(UrlRefusedError):
        await search.page(page.next_token, window=_OPEN)
    assert len(http.asked) == 1


@pytest.mark.parametrize(
    "link",
    [
        {"href": _SEARCH, "method": "POST", "merge": True},
        {"href": _SEARCH, "method": "POST", "body": {"collections": ["s2"], "limit": 2}},
    ],
)
async def test_endless(link: dict[str, Any]) -> None:
    """A next link that leads to its own page ends the run instead of repeating it for ever."""
    search, _ = _search(_body(_feature(), links=_next(**link)), collections=("s2",))

    with pytest.raises(EndlessCatalogError):
        await search.page(None, window=_OPEN)


async def test_item() -> None:
    """An item is read with what it says of itself and of its assets."""
    feature = _feature(
        properties={"datetime": "2024-06-01T12:00:00+02:00", "updated": "2024-06-02T00:00:00Z"},
        assets={
            "B04": {
                "href": "https://data.example.org/B04.tif?sig=s",
                "type": "image/tiff",
                "file:size": 9,
                "file:checksum": f"1220{_SHA256}",
                "updated": "2024-06-03T00:00:00",
            },
            "meta": {"href": "https://data.example.org/meta.xml"},
        },
    )

    page = await _page(_body(feature, numberMatched=40))

    june = datetime(2024, 6, 1, 10, tzinfo=UTC)
    item = CatalogItem(
        item="s2/T32",
        collection="s2",
        id="T32",
        datetime=june,
        bbox=(7.5, 47, 8.5, 48),
        assets=(
            CatalogAsset(
                key="B04",
                href="https://data.example.org/B04.tif?sig=s",
                size=9,
                checksum=f"sha256:{_SHA256}",
                updated=datetime(2024, 6, 3, tzinfo=UTC),
                media_type="image/tiff",
            ),
            CatalogAsset(
                key="meta", href="https://data.example.org/meta.xml", updated=datetime(2024, 6, 2, tzinfo=UTC)
            ),
        ),
    )
    assert page == Page(items=(item,), next_token=None, matched=40)


@pytest.mark.parametrize(
    ("members", "moment", "bbox", "name"),
    [
        (
            {"properties": {"datetime": None, "start_datetime": "2024-01-01T00:00:00Z"}},
            datetime(2024, 1, 1, tzinfo=UTC),
            (7.5, 47, 8.5, 48),
            "s2/T32",
        ),
        ({"properties": {}, "bbox": [1, 2, 3, 4, 5, 6], "collection": None}, None, (1, 2, 4, 5), "T32"),
        ({"properties": {}, "bbox": None, "collection": "", "links": None}, None, None, "T32"),
    ],
)
async def test_item_shapes(
    members: dict[str, Any], moment: datetime | None, bbox: tuple[float, ...] | None, name: str
) -> None:
    """Intervals, heights, and items without place, time, links or collection are read too."""
    page = await _page(_body(_feature(**members)))

    assert [(each.item, each.datetime, each.bbox) for each in page.items] == [(name, moment, bbox)]


@pytest.mark.parametrize(
    ("links", "href", "expected"),
    [
        (
            [{"rel": "self", "href": "https://data.example.org/s2/T32.json"}],
            "./B04.tif",
            "https://data.example.org/s2/B04.tif",
        ),
        ([{"rel": "self", "href": "../items/T32"}], "B04.tif", "https://stac.example.org/items/B04.tif"),
        ([{"rel": "self", "href": "https://["}], "B04.tif", "https://stac.example.org/v1/B04.tif"),
        ([], "B04.tif", "https://stac.example.org/v1/B04.tif"),
        (["junk", {"rel": "self"}, {"rel": "parent", "href": "/x/y"}], "/B04.tif", "https://stac.example.org/B04.tif"),
        ([], "//data.example.org/B04.tif", "https://data.example.org/B04.tif"),
        ([], "s3://bucket/B04.tif", "s3://bucket/B04.tif"),
    ],
)
async def test_hrefs(links: list[Any], href: str, expected: str) -> None:
    """An asset's href is seen from its item's own address, else from the page's."""
    page = await _page(_body(_feature(links=links, assets={"B04": {"href": href}})))

    assert [each.href for each in page.items[0].assets] == [expected]


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"file:checksum": "b21020" + "00" * 32}, "checksum"),
        ({"file:checksum": "1220zz"}, "checksum"),
        ({"file:checksum": 5}, "checksum"),
        ({"file:checksum": base64.b64encode(b"\0" * 16).decode()}, "checksum"),
        ({"file:size": -1}, "size"),
        ({"file:size": "big"}, "size"),
        ({"file:size": 1.5}, "size"),
        ({"file:size": True}, "size"),
        ({"file:size": 2**63}, "size"),
        ({"updated": "yesterday"}, "updated"),
        ({"updated": "0001-01-01T00:00:00+01:00"}, "updated"),
        ({"updated": 20240601}, "updated"),
        ({"type": ["image/tiff"]}, "media_type"),
        ({"type": "x" * 257}, "media_type"),
    ],
)
async def test_unreadable_help(member: dict[str, Any], field: str) -> None:
    """Where size, checksum, time of update or media type can't be read, the asset goes without it."""
    assert getattr(await _asset(**member), field) is None


async def test_bare_md5() -> None:
    """An MD5 in hex, which Sentinel-3 items have in place of a multihash, is taken as one."""
    assert (await _asset(**{"file:checksum": _MD5.upper()})).checksum == f"md5:{_MD5}"


@pytest.mark.parametrize(
    ("feature", "item", "said"),
    [
        (_feature("bad", id=5), "feature 2 of", "id: "),
        (_feature("bad", id=""), "feature 2 of", "id: "),
        (_feature("bad", assets=None), "s2/bad", "assets: "),
        (_feature("bad", assets=None, collection=None), "bad", "assets: "),
        (_feature("bad", properties={"datetime": "never"}), "s2/bad", "properties.datetime: "),
        (_feature("bad", properties={"datetime": "9999-12-31T23:59:59-01:00"}), "s2/bad", "outside the calendar"),
        (_feature("bad", properties={"datetime": "20240601"}), "s2/bad", "is written as"),
        (_feature("bad", properties={"start_datetime": 1717200000}), "s2/bad", "is written as"),
        (_feature("bad", bbox=[1, 2, 3]), "s2/bad", "bbox"),
        (_feature("bad", bbox=[1, 2, 3, float("1e400")]), "s2/bad", "bbox"),
        (_feature("bad", collection="a/b"), "a/b/bad", "isn't unique"),
        (_feature("a/bad", collection=None), "a/bad", "isn't unique"),
        ("junk", "feature 2 of", "the whole: "),
        (None, "feature 2 of", "the whole: "),
        ({"collection": "s2"}, "feature 2 of", "id: "),
    ],
)
async def test_malformed_item(feature: Any, item: str, said: str) -> None:
    """A malformed item is refused, says what is wrong with it, and stops nothing else."""
    body = _body(_feature("good"), feature).replace(b"Infinity", b"1e400")

    page = await _page(body)

    assert [each.item for each in page.items] == ["s2/good"]
    (refusal,) = page.refusals
    assert refusal.item.startswith(item)
    assert said in refusal.message


async def test_unnamed_items_of_two_pages() -> None:
    """Two items without an id on two pages are two failures, though a POST search has one address."""
    search, _ = _search(_body("junk", links=_next(href=_SEARCH, method="POST", body={"skip": 2})))

    first = await search.page(None, window=_OPEN)
    second = await search.page('{"href":"https://stac.example.org/v1/search","method":"POST"}', window=_OPEN)

    names = {each.item for page in (first, second) for each in page.refusals}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("asset", "said"),
    [({}, "href: "), ({"href": None}, "href: "), ("junk", "the whole: "), ({"href": "https://["}, "href: ")],
)
async def test_malformed_asset(asset: Any, said: str) -> None:
    """A malformed asset is refused by its key; the item's others are read."""
    page = await _page(_body(_feature(assets={"bad": asset, "good": {"href": "good.tif"}})))

    assert [each.key for each in page.items[0].assets] == ["good"]
    (refusal,) = page.refusals
    assert (refusal.item, refusal.key, refusal.error) == ("s2/T32", "bad", "MalformedCatalogError")
    assert said in refusal.message


@pytest.mark.parametrize(
    ("members", "matched"),
    [
        ({"numberMatched": 7}, 7),
        ({"context": {"matched": 8, "returned": 1}}, 8),
        ({"numberMatched": 7, "context": {"matched": 8}}, 7),
        ({"numberMatched": 0}, 0),
        ({"numberMatched": -1}, None),
        ({"numberMatched": None, "context": None}, None),
        ({"context": {"matched": "many"}}, None),
        ({}, None),
    ],
)
async def test_matched(members: dict[str, Any], matched: int | None) -> None:
    """The catalog's own count is read where it gives one."""
    assert (await _page(_body(**members))).matched == matched


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is no JSON"),
        (b"<html>Not today</html>", "<html>Not today"),
        (b"\xff\xfe", "is no JSON"),
        (b"[]", "found []"),
        (b'{"code": "Down", "description": "sorry"}', "'code': 'Down'"),
        (b'{"features": {}}', "features: "),
        (b'{"features": [], "links": {}}', "links: "),
        (b'{"features": [NaN]}', "NaN is no JSON"),
        (b'{"features": [-Infinity]}', "-Infinity is no JSON"),
        (b'{"features": [' + b"9" * 5000 + b"]}", "is no JSON"),
        (b'{"features": ' + b"[" * 64 + b"]" * 64 + b"}", "64 levels"),
        (b"[" * 1_000_000, "64 levels"),
        (b'{"features": [1' + b",1" * 100_000 + b"]}", "at most 100000 items"),
    ],
)
async def test_malformed_page(body: bytes, said: str) -> None:
    """What is no page ends the run with what stands there, instead of looking like the end of the catalog."""
    with pytest.raises(MalformedCatalogError) as raised:
        await _page(body)

    assert said in str(raised.value)
    assert "stac.example.org/v1/search" in str(raised.value)


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({}, "href: Field required"),
        ({"href": ""}, "href: "),
        ({"href": "https://["}, "'https://['"),
        ({"href": "\ud800"}, "can't be followed"),
        ({"href": "a" * 9000}, "href: "),
        ({"href": _SEARCH, "method": "DELETE"}, "method: "),
        ({"href": _SEARCH, "method": "POST", "body": "x"}, "body: "),
        ({"href": _SEARCH, "method": "POST", "body": {"a": "\ud800"}}, "can't be followed"),
        ({"href": _SEARCH, "headers": ["x"]}, "headers: "),
        ({"href": _SEARCH, "method": "POST", "body": {"a": "x" * 50_000}}, "doesn't fit into a message"),
    ],
)
async def test_malformed_next_link(link: dict[str, Any], said: str) -> None:
    """A next link that can't be followed ends the run, instead of looking like the end of the catalog."""
    with pytest.raises(MalformedCatalogError) as raised:
        await _page(_body(links=_next(**link)))

    assert said in str(raised.value)


async def test_no_links() -> None:
    """A page without links is the last one."""
    assert (await _page(b'{"features": [], "links": null}')).next_token is None
    assert (await _page(b'{"features": []}')).next_token is None
    assert (await _page(_body(links=["junk", {"rel": "prev", "href": "x"}]))).next_token is None


async def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page over the limit ends the run before it fills the memory."""
    monkeypatch.setattr(stac, "_MAX_PAGE_BYTES", 10)

    with pytest.raises(MalformedCatalogError, match="more than 10 bytes"):
        await _page(_body())


@pytest.mark.parametrize("token", ["", "{}", "junk", '{"href":"https://h","method":"PUT"}'])
async def test_malformed_token(token: str) -> None:
    """A token that is none of ours is a malformed request; an empty one too."""
    with pytest.raises(MalformedRequestError):
        await _page(_body(), token=token)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=404), AssetNotFoundError),
        (Answer(status=429), SourceThrottledError),
        (Answer(chunks=(b'{"features"',), truncated=True), TruncatedBodyError),
    ],
)
async def test_errors_of_the_server(answer: Answer, error: type[Exception]) -> None:
    """What a server's answer means is for egress to say."""
    search, _ = _search(lambda _: answer)

    with pytest.raises(error):
        await search.page(None, window=_OPEN)


async def test_no_secrets_in_errors() -> None:
    """Errors don't repeat what signs an address."""
    search, _ = _search(b"[]", url="https://stac.example.org/search?token=hush")

    with pytest.raises(MalformedCatalogError) as raised:
        await search.page(None, window=_OPEN)
    assert "hush" not in str(raised.value)

    page = await _page(_body(_feature(assets={"a": {"href": ["https://u:hush@h/a?sig=hush"]}})))
    assert "hush" not in str(page.refusals)


def test_brackets_in_strings() -> None:
    """Brackets within strings are no depth, escaped quotes or not, and a byte order mark is skipped."""
    text = json.dumps({"a": "[" * 100 + '"\\' + "{" * 100})

    assert parse_json(b"\xef\xbb\xbf" + text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", [b'"' + b'\\"' * 1_000_000, b'"\\'])
def test_string_without_end(text: bytes) -> None:
    """A string that doesn't end is looked through once: by its escaped quotes, two megabytes would take an hour."""
    with pytest.raises(ValueError, match="Unterminated string"):
        parse_json(text)


@pytest.mark.parametrize(("depth", "deep"), [(63, False), (64, False), (65, True), (100, True)])
def test_depth(depth: int, deep: bool) -> None:  # noqa: FBT001 - a case's outcome
    """Sixty-four levels are read, and not one more, whatever lies beside them."""
    text = b'{"a": [{}, [], "]"], "b": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    if deep:
        with pytest.raises(ValueError, match="64 levels"):
            parse_json(text)
    else:
        assert parse_json(text) == json.loads(text)
