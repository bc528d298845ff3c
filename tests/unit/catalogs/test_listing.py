import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.catalogs.listing import Listing, ListingCatalog
from shared.model.datasets import Dataset
from shared.model.errors import (
    AssetNotFoundError,
    EndlessCatalogError,
    MalformedCatalogError,
    MalformedRequestError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TokenRefusedError,
    UnexpectedStatusError,
    WindowError,
)
from shared.model.hrefs import ObjectAddress
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.messages import MAX_REQUEST_BYTES, PageRequest
from shared.model.windows import TimeProperty, Window
from shared.sources.signing import Signed
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.unit.model.builders import dataset

_OPEN = Window()
_NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


class Store:
    """A bucket of keys with sizes and times, listed in order; tokens name the last key of the page before, in hex."""

    def __init__(self, keys: Mapping[str, tuple[int, datetime]]) -> None:
        self.keys = dict(keys)

    def serve(self, asked: Asked) -> Answer:
        """Answer as S3 does."""
        query = dict(parse_qsl(urlsplit(asked.url).query, keep_blank_values=True))
        after = bytes.fromhex(query.get("continuation-token", "")).decode()
        names = sorted(each for each in self.keys if each.startswith(query["prefix"]) and each > after)
        page, rest = names[: int(query["max-keys"])], names[int(query["max-keys"]) :]
        contents = "".join(_contents(each, *self.keys[each]) for each in page)
        return _xml(_result(contents, following=page[-1].encode().hex() if rest else None))


def _contents(key: str, size: object = 1, updated: datetime | str = _NOON) -> str:
    time = updated if isinstance(updated, str) else updated.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    name = quote(key, safe="/").replace("%20", "+")
    return f"<Contents><Key>{name}</Key><LastModified>{time}</LastModified><Size>{size}</Size></Contents>"


def _result(contents: str = "", *, following: str | None = None, more: str = "") -> str:
    token = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if following else ""
    truncated = "true" if following else "false"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{token}{more}{contents}"
        "</ListBucketResult>"
    )


def _azure(blobs: str = "", *, marker: str = "<NextMarker/>") -> str:
    return f'\ufeff<?xml version="1.0"?><EnumerationResults><Blobs>{blobs}</Blobs>{marker}</EnumerationResults>'


def _blob(name: str, properties: str, *, attributes: str = "") -> str:
    return f"<Blob><Name{attributes}>{name}</Name><Properties>{properties}</Properties></Blob>"


_TIME = "<Last-Modified>Sat, 01 Jun 2024 12:00:00 GMT</Last-Modified>"


def _xml(text: str) -> Answer:
    return Answer(chunks=(text.encode(),))


class World:
    """A listing, its server and how often a refused signature was forgotten."""

    def __init__(self, server: Callable[[Asked], Answer], **catalog: Any) -> None:
        self.http = FakeEgress(server)
        self.forgotten = 0
        described = {"kind": "listing", "url": "s3://bucket/", **catalog}
        kind = "azure" if described["url"].startswith("az:") else "s3"
        source = {"kind": "azure", "accounts": ["account"]} if kind == "azure" else {"kind": "s3", "region": "r-1"}
        self.dataset = dataset(
            catalog=described,
            source=source,
            allow={"hosts": ["*.example.org", "*.s3.r-1.amazonaws.com", "*.blob.core.windows.net"]},
        )
        assert isinstance(self.dataset.catalog, ListingCatalog)
        self.listing = Listing(self.dataset.catalog, dataset=self.dataset, http=self.http, sign=self._signed)

    async def _signed(self, place: ObjectAddress, /, *, query: Mapping[str, str], dataset: Dataset) -> Signed:
        assert dataset is self.dataset
        url = f"https://{place.scheme}.example.org/{place.bucket}?{urlencode(query)}"
        return Signed(url=url, headers={"x-signed": "yes"}, forget=self._forget)

    def _forget(self) -> None:
        self.forgotten += 1

    async def pages(self, window: Window = _OPEN) -> list[Page]:
        """All pages."""
        pages = [await self.listing.page(None, window=window)]
        while pages[-1].next_token is not None:
            pages.append(await self.listing.page(pages[-1].next_token, window=window))
        return pages


def _asset(key: str, *, size: int = 1, updated: datetime = _NOON, checksum: str | None = None) -> CatalogAsset:
    return CatalogAsset(key=key, href=key, size=size, updated=updated, checksum=checksum)


def _own(href: str, **values: Any) -> CatalogItem:
    found = _asset(href, **values)
    return CatalogItem(item=href, id=href, datetime=found.updated, assets=(found,))


def _many(*keys: str) -> dict[str, tuple[int, datetime]]:
    return dict.fromkeys(keys, (1, _NOON))


async def test_pages() -> None:
    """Each key is an item of its own with its size and time; a page comes again by its token alone."""
    world = World(Store(_many("a b+c/é.tif", "b.tif", "c.tif")).serve, page_size=2)

    pages = await world.pages()

    assert [page.items for page in pages] == [
        (_own("s3://bucket/a b+c/é.tif"), _own("s3://bucket/b.tif")),
        (_own("s3://bucket/c.tif"),),
    ]
    again = World(Store(_many("a b+c/é.tif", "b.tif", "c.tif")).serve, page_size=2)
    assert await again.listing.page(pages[0].next_token, window=_OPEN) == pages[1]


async def test_requests() -> None:
    """A store is asked with the signature's headers, for escaped names below the prefix, a page at a time."""
    world = World(Store(_many("p/a", "p/b")).serve, url="s3://bucket/p/", page_size=1)

    await world.pages()

    first = {"list-type": "2", "encoding-type": "url", "max-keys": "1", "prefix": "p/"}
    queries = [dict(parse_qsl(urlsplit(each.url).query)) for each in world.http.asked]
    assert queries == [first, {**first, "continuation-token": b"p/a".hex()}]
    assert [each.headers for each in world.http.asked] == [{"x-signed": "yes"}] * 2


async def test_azure_requests() -> None:
    """Azure is asked in its own way."""
    answers = iter([_azure(marker="<NextMarker>m</NextMarker>"), _azure()])
    world = World(lambda _: _xml(next(answers)), url="az://account/con/p/", page_size=5)

    await world.pages()

    first = {"restype": "container", "comp": "list", "maxresults": "5", "prefix": "p/"}
    queries = [dict(parse_qsl(urlsplit(each.url).query)) for each in world.http.asked]
    assert queries == [first, {**first, "marker": "m"}]


async def test_azure_blobs() -> None:
    """A blob's MD5 is its checksum where it is one, escaped names are read, and directories are passed over."""
    md5 = hashlib.md5(b"a")
    stated = "<Content-MD5>DMF1ucDxtqgxw5niaXcmYQ==</Content-MD5>"
    blobs = [
        _blob("a b%20.tif", f"{_TIME}<Content-Length>7</Content-Length>{stated}"),
        _blob("odd+%20%EF%BF%BE.tif", f"{_TIME}<Content-Length>7</Content-Length>", attributes=' Encoded="true"'),
        _blob("bad.tif", f"{_TIME}<Content-Length>7</Content-Length><Content-MD5>no</Content-MD5>"),
        _blob("dir", f"{_TIME}<Content-Length>0</Content-Length><ResourceType>directory</ResourceType>"),
        _blob("old/", f"{_TIME}<Content-Length>0</Content-Length>"),
    ]
    world = World(lambda _: _xml(_azure("".join(blobs))), url="az://account/con")

    (page,) = await world.pages()

    assert page == Page(
        items=(
            _own("az://account/con/a b%20.tif", size=7, checksum=f"md5:{md5.hexdigest()}"),
            _own("az://account/con/odd+ \ufffe.tif", size=7),
            _own("az://account/con/bad.tif", size=7),
        ),
        next_token=None,
    )


async def test_no_md5_by_etag() -> None:
    """An ETag is no MD5 where nobody says that it is: objects that are encrypted by a key have others."""
    contents = _contents("a").replace("</Contents>", '<ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag></Contents>')
    world = World(lambda _: _xml(_result(contents)))

    (page,) = await world.pages()

    assert page.items == (_own("s3://bucket/a"),)


async def test_raw_names() -> None:
    """A store that doesn't escape names, though it was asked to, says so by saying nothing."""
    answer = _result(_contents("x")).replace("<EncodingType>url</EncodingType>", "").replace(">x<", ">a+b%20<")
    world = World(lambda _: _xml(answer))

    (page,) = await world.pages()

    assert page.items == (_own("s3://bucket/a+b%20"),)


async def test_full_page() -> None:
    """A thousand keys of the longest names are a page."""
    keys = [f"{number:04}{'é' * 510}" for number in range(1000)]

    (page,) = await World(Store(_many(*keys)).serve).pages()

    assert [each.item for each in page.items] == [f"s3://bucket/{key}" for key in keys]
    assert page.refusals == ()


async def test_patterns() -> None:
    """Keys that match no pattern are as good as not there; brackets stand for themselves."""
    store = Store(_many("a/1.tif", "a/1.txt", "b/[1].jp2", "b/1.jp2", "c\x01.bin"))
    world = World(store.serve, patterns=["*.tif", "b/[?].jp2"])

    (page,) = await world.pages()

    assert [each.item for each in page.items] == ["s3://bucket/a/1.tif", "s3://bucket/b/[1].jp2"]
    assert page.refusals == ()


async def test_what_patterns_rule_out_is_not_listed() -> None:
    """What patterns begin with is listed, one prefix after the other and in the order of keys, and nothing beside."""
    keys = ("2022/a.tif", "2023/a.tif", "2023/b.txt", "2024/a.tif", "2024/b.tif", "2024/c.tif", "2025/a.tif")
    world = World(Store(_many(*keys)).serve, patterns=["2024/*", "2023/*.tif", "2024/?.tif"], page_size=2)

    pages = await world.pages()

    assert [[each.item.removeprefix("s3://bucket/") for each in page.items] for page in pages] == [
        ["2023/a.tif"],
        ["2024/a.tif", "2024/b.tif"],
        ["2024/c.tif"],
    ]
    assert _prefixes(world) == ["2023/", "2024/", "2024/"]


async def test_prefixes_of_patterns_are_resumed() -> None:
    """A page of each prefix comes again by its token alone, its first page and those after it."""
    store = Store(_many("p/a/1", "p/a/2", "p/b/1", "p/b/2"))
    world = World(store.serve, url="s3://bucket/p/", patterns=["p/b/*", "p/a/*"], page_size=1)
    pages = await world.pages()

    for before, page in itertools.pairwise(pages):
        again = World(store.serve, url="s3://bucket/p/", patterns=["p/b/*", "p/a/*"], page_size=1)
        assert await again.listing.page(before.next_token, window=_OPEN) == page
        assert len(again.http.asked) == 1


async def test_patterns_that_change_under_a_run() -> None:
    """A run goes on behind the prefix that its token names, also where patterns have none such any more."""
    store = Store(_many("a/1", "a/2", "b/1", "c/1", "d/1"))
    first = await World(store.serve, patterns=["a/*", "b/*"], page_size=1).listing.page(None, window=_OPEN)
    world = World(store.serve, patterns=["a/2", "c/*"], page_size=1)

    second = await world.listing.page(first.next_token, window=_OPEN)
    third = await world.listing.page(second.next_token, window=_OPEN)

    assert [each.item for page in (second, third) for each in page.items] == ["s3://bucket/a/2", "s3://bucket/c/1"]
    assert third.next_token is None


async def test_tokens_without_a_prefix() -> None:
    """A token that names no prefix continues the whole list to its end, and nothing is listed twice."""
    store = Store(_many("a/1", "b/1", "c/1"))
    world = World(store.serve, patterns=["a/*", "c/*"])
    token = json.dumps({"url": "s3://bucket/", "following": b"a/1".hex()})

    page = await world.listing.page(token, window=_OPEN)

    assert ([each.item for each in page.items], page.next_token) == (["s3://bucket/c/1"], None)
    assert _prefixes(world) == [""]


async def test_many_prefixes_without_keys() -> None:
    """Prefixes under which there is nothing are passed over as empty answers are."""
    world = World(Store(_many("120")).serve, patterns=[f"{number:03}" for number in range(121)])

    pages = await world.pages()

    assert [len(page.items) for page in pages] == [0, 0, 1]
    assert len(world.http.asked) == 121


async def test_store_that_ignores_the_prefix() -> None:
    """What a store lists beside the prefix that it was asked for is refused, though another pattern is of it."""
    world = World(lambda _: _xml(_result(_contents("a/1") + _contents("b/1"))), patterns=["a/*", "b/*"])

    (first, second) = await world.pages()

    assert [[each.item for each in page.items] for page in (first, second)] == [
        ["s3://bucket/a/1"],
        ["s3://bucket/b/1"],
    ]
    assert [[each.item for each in page.refusals] for page in (first, second)] == [
        ["s3://bucket/b/1"],
        ["s3://bucket/a/1"],
    ]


def _prefixes(world: World) -> list[str]:
    asked = [dict(parse_qsl(urlsplit(each.url).query, keep_blank_values=True)) for each in world.http.asked]
    return [each["prefix"] for each in asked]


@pytest.mark.parametrize("by", [TimeProperty.DATETIME, TimeProperty.UPDATED])
async def test_window(by: TimeProperty) -> None:
    """A window is of times of modification, both ends included."""
    times = [_NOON.replace(hour=hour) for hour in (10, 11, 12, 13)]
    world = World(Store({f"{each.hour}": (1, each) for each in times}).serve)

    page = await world.listing.page(None, window=Window(since=times[1], until=times[2]), by=by)

    assert [each.item for each in page.items] == ["s3://bucket/11", "s3://bucket/12"]


@pytest.mark.parametrize("by", [TimeProperty.CREATED, TimeProperty.PUBLISHED])
async def test_other_times(by: TimeProperty) -> None:
    """A list has no other times."""
    world = World(Store({}).serve)

    with pytest.raises(WindowError) as raised:
        await world.listing.page(None, window=Window(since=_NOON), by=by)

    assert raised.value.field == "window"
    assert await world.listing.page(None, window=_OPEN, by=by) == Page(items=(), next_token=None)


async def test_empty_answers_are_passed_over() -> None:
    """Answers of which nothing is wanted make no pages, up to a number of them."""
    old, new = datetime(2020, 1, 1, tzinfo=UTC), _NOON
    store = Store({**{f"{number:03}": (1, old) for number in range(120)}, "zz": (1, new)})
    world = World(store.serve, page_size=1)

    pages = await world.pages(Window(since=new))

    assert [len(page.items) for page in pages] == [0, 0, 1]
    assert len(world.http.asked) == 121


@pytest.mark.parametrize(
    ("item", "names"),
    [
        ("asset", ["s3://bucket/S2A_1/x/a", "s3://bucket/S2A_1/b", "s3://bucket/root"]),
        ("folder", ["S2A_1/x", "S2A_1", "s3://bucket/root"]),
        ("(S2[AB]_[^/]+)/", ["S2A_1", "s3://bucket/root"]),
        ("root(z?)", ["s3://bucket/S2A_1/x/a", "s3://bucket/S2A_1/b", "s3://bucket/root"]),
    ],
)
async def test_items(item: str, names: list[str]) -> None:
    """Keys are items by folder or by what an expression finds; what belongs to none is an item of its own."""
    contents = "".join(_contents(each) for each in ("S2A_1/x/a", "S2A_1/b", "root"))
    world = World(lambda _: _xml(_result(contents)), item=item)

    (page,) = await world.pages()

    assert [each.item for each in page.items] == names
    assert [asset.href for each in page.items for asset in each.assets] == [
        "s3://bucket/S2A_1/x/a",
        "s3://bucket/S2A_1/b",
        "s3://bucket/root",
    ]
    assert [each.datetime is not None for each in page.items] == [name.startswith("s3:") for name in names]


@pytest.mark.parametrize("key", ["a/../b", "./a", "a//b", "a\x01b", "a?b", "a#b", "a\nb", "/a", "a/"])
async def test_unfit_keys(key: str) -> None:
    """A key that nothing can be asked for by is refused by its name, and stops nothing else."""
    world = World(lambda _: _xml(_result(_contents(key) + _contents("z"))))

    (page,) = await world.pages()

    assert page.items == (_own("s3://bucket/z"),)
    assert [(each.item, each.key, each.error) for each in page.refusals] == [
        (f"s3://bucket/{key}", f"s3://bucket/{key}", "UrlRefusedError")
    ]


async def test_folders() -> None:
    """An empty key with a slash at its end is what consoles make of a folder."""
    world = World(Store({"a/": (0, _NOON), "a/b": (1, _NOON)}).serve)

    (page,) = await world.pages()

    assert page == Page(items=(_own("s3://bucket/a/b"),), next_token=None)


@pytest.mark.parametrize(
    ("entry", "name", "said"),
    [
        (_contents("p/a", size="-1"), "s3://bucket/p/a", "a size of '-1'"),
        (_contents("p/a", size="1e3"), "s3://bucket/p/a", "a size of '1e3'"),
        (_contents("p/a", size="9" * 19), "s3://bucket/p/a", "a size of '999"),
        (_contents("p/a", size=""), "s3://bucket/p/a", "a size of ''"),
        (_contents("p/a", updated="yesterday"), "s3://bucket/p/a", "a time of modification"),
        (_contents("p/a", updated="20240601"), "s3://bucket/p/a", "a time of modification"),
        (_contents("p/a", updated="0001-01-01T00:00:00+01:00"), "s3://bucket/p/a", "a time of modification"),
        (_contents("q/a"), "s3://bucket/q/a", "doesn't begin with the prefix"),
        ("<Contents><Key>%FF</Key></Contents>", "entry 1 of s3://bucket/p/ (page 1)", "isn't UTF-8, '%FF'"),
        ("<Contents/>", "entry 1 of s3://bucket/p/ (page 1)", "it has no name"),
    ],
)
async def test_bad_entries(entry: str, name: str, said: str) -> None:
    """A wrong entry is refused by its name, or by its place, and stops nothing else."""
    world = World(lambda _: _xml(_result(entry + _contents("p/z"))), url="s3://bucket/p/")

    (page,) = await world.pages()

    assert page.items == (_own("s3://bucket/p/z"),)
    assert [(each.item, each.key, each.error) for each in page.refusals] == [(name, name, "MalformedCatalogError")]
    assert said in page.refusals[0].message


async def test_bad_blob() -> None:
    """A blob without properties is refused by its name."""
    world = World(lambda _: _xml(_azure("<Blob><Name>a</Name></Blob><Blob/>")), url="az://account/con")

    (page,) = await world.pages()

    assert [each.item for each in page.refusals] == [
        "az://account/con/a",
        "entry 2 of az://account/con (page 1)",
    ]


_DTD = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "no element found"),
        ("{}", "not well-formed"),
        ("<html/>", "it is 'html', not ListBucketResult"),
        (_result()[:-3], "unclosed token"),
        (f"{_DTD}<ListBucketResult>&b;</ListBucketResult>", "a document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><ListBucketResult/>', "a document type"),
        ("<ListBucketResult>&b;</ListBucketResult>", "undefined entity"),
        ("<a>" * 40 + "</a>" * 40, "32 levels"),
        ("<ListBucketResult/>", "IsTruncated: true or false, found ''"),
        (_result().replace("false", "maybe"), "IsTruncated: true or false, found 'maybe'"),
        (_result().replace("false", "true"), "IsTruncated is true, and NextContinuationToken None"),
        (_result(following="t").replace("true", "false"), "IsTruncated is false, and NextContinuationToken 't'"),
        (_result(following="é" * 2049), "4098 bytes"),
        (_result(more="<KeyCount>2</KeyCount>"), "KeyCount is '2', and there are 0 Contents"),
        (_result(more="<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"), "nobody asked for them"),
    ],
)
async def test_malformed(body: str, said: str) -> None:
    """What is no list is an error that says what is wrong and of which page."""
    world = World(lambda _: _xml(body), url="s3://bucket/p/")

    with pytest.raises(MalformedCatalogError, match=r"^s3://bucket/p/ \(page 1\) is no list: ") as raised:
        await world.listing.page(None, window=_OPEN)

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<ListBucketResult/>", "not EnumerationResults"),
        ("<EnumerationResults><NextMarker/></EnumerationResults>", "Blobs: there is no such element"),
        (_azure(marker=""), "NextMarker: there is no such element"),
        (_azure("<BlobPrefix><Name>a/</Name></BlobPrefix>"), "nobody asked for it"),
    ],
)
async def test_malformed_azure(body: str, said: str) -> None:
    """What is no list of Azure's is an error that says what is wrong."""
    world = World(lambda _: _xml(body), url="az://account/con")

    with pytest.raises(MalformedCatalogError) as raised:
        await world.listing.page(None, window=_OPEN)

    assert said in str(raised.value)


async def test_bytes_that_are_no_text() -> None:
    """Whatever encoding a document states, it is read as UTF-8."""
    body = b'<?xml version="1.0" encoding="latin-1"?><ListBucketResult>\xff</ListBucketResult>'
    world = World(lambda _: Answer(chunks=(body,)))

    with pytest.raises(MalformedCatalogError, match="not well-formed"):
        await world.listing.page(None, window=_OPEN)


async def test_large_page() -> None:
    """A page without end is given up."""
    world = World(lambda _: Answer(chunks=(b" " * (9 * 1024 * 1024),) * 2))

    with pytest.raises(MalformedCatalogError, match=r"s3://bucket/: a page of more than 16777216 bytes"):
        await world.listing.page(None, window=_OPEN)


@pytest.mark.parametrize("contents", ["", _contents("a")])
async def test_the_same_token_twice(contents: str) -> None:
    """A token that leads to its own page would lead on for ever, whether something is on that page or not."""
    world = World(lambda _: _xml(_result(contents, following="t")))

    with pytest.raises(EndlessCatalogError):
        await world.pages()


async def test_token_of_another_list() -> None:
    """A token continues the list that it is of: once the dataset lists another one, the run begins again."""
    (first, *_) = await World(Store(_many("a", "b")).serve, page_size=1).pages()
    world = World(Store(_many("p/a")).serve, url="s3://bucket/p/")

    with pytest.raises(TokenRefusedError, match="continues s3://bucket/, and the dataset lists s3://bucket/p/"):
        await world.listing.page(first.next_token, window=_OPEN)


@pytest.mark.parametrize(
    "token",
    ["", "junk", "{}", '{"url": "s3://bucket/p/", "following": ""}', '{"url": "s3://bucket/p/", "prefix": "q/"}'],
)
async def test_malformed_token(token: str) -> None:
    """A token that is none of ours is a malformed request, one of what the dataset doesn't list among them."""
    with pytest.raises(MalformedRequestError):
        await World(Store({}).serve, url="s3://bucket/p/").listing.page(token, window=_OPEN)


@pytest.mark.parametrize("character", ['"', "é", "𝄞", "\n", "t"])
async def test_longest_token(character: str) -> None:
    """The longest token fits into a message, whatever it is made of and however long the prefix is."""
    following = character * (4096 // len(character.encode()))
    world = World(lambda _: _xml(_result(_contents("a"), following=following)), url=f"s3://bucket/{'"' * 1024}")

    page = await world.listing.page(None, window=_OPEN)

    request = PageRequest(dataset="d" * 48, run="20240601T120000Z-0123abcd", token=page.next_token)
    assert len(request.encode()) < MAX_REQUEST_BYTES


@pytest.mark.parametrize(
    ("status", "first", "later"),
    [
        (400, UnexpectedStatusError, TokenRefusedError),
        (404, AssetNotFoundError, TokenRefusedError),
        (301, UnexpectedStatusError, UnexpectedStatusError),
        (401, SourceRefusedError, SourceRefusedError),
        (403, SourceRefusedError, SourceRefusedError),
        (429, SourceThrottledError, SourceThrottledError),
        (503, SourceUnavailableError, SourceUnavailableError),
    ],
)
async def test_statuses(status: int, first: type[Exception], later: type[Exception]) -> None:
    """A status means what it means elsewhere, but for a token that the store doesn't take any more."""
    world = World(lambda _: Answer(status=status))
    token = json.dumps({"url": "s3://bucket/", "following": "t"})

    with pytest.raises(first):
        await world.listing.page(None, window=_OPEN)
    with pytest.raises(later):
        await world.listing.page(token, window=_OPEN)

    assert world.forgotten == (2 if status in {401, 403} else 0)


async def test_item() -> None:
    """An asset is described anew by one request for its own name, whatever begins with it."""
    world = World(Store(_many("a", "ab", "b c/d")).serve)
    (page,) = await world.pages()

    assert [await world.listing.item(each.item) for each in page.items] == list(page.items)
    assert [dict(parse_qsl(urlsplit(each.url).query))["max-keys"] for each in world.http.asked[1:]] == ["1"] * 3


@pytest.mark.parametrize(
    "name",
    ["", "a", "s3://bucket/", "s3://bucket/p/", "s3://other/p/a.tif", "s3://bucket/q.tif", "s3://bucket/p/a.txt"],
)
async def test_items_of_no_list(name: str) -> None:
    """What the list hasn't by its place or its patterns isn't asked for."""
    world = World(Store(_many("p/a.txt", "q.tif")).serve, url="s3://bucket/p/", patterns=["*.tif"])

    assert await world.listing.item(name) is None
    assert world.http.asked == []


async def test_absent_item() -> None:
    """Another key that begins with the name isn't the item."""
    assert await World(Store(_many("ab")).serve).listing.item("s3://bucket/a") is None


async def test_items_of_several_assets() -> None:
    """An item of several assets has no address, nor has an asset that belongs to one."""
    world = World(Store(_many("x/a", "x/b", "root")).serve, item="folder")

    found = [await world.listing.item(name) for name in ("x", "s3://bucket/x/a", "s3://bucket/root")]

    assert found == [None, None, _own("s3://bucket/root")]


async def test_item_that_is_called_as_a_key() -> None:
    """What an expression finds is no address, though it may be a whole key."""
    world = World(Store(_many("root")).serve, item="(root)")

    assert await world.listing.item("root") is None
    assert world.http.asked == []


async def test_item_that_is_described_badly() -> None:
    """An item that can't be read any more is an error that says why."""
    world = World(lambda _: _xml(_result(_contents("a", size="x"))))

    with pytest.raises(MalformedCatalogError, match="s3://bucket/a: a size of 'x'"):
        await world.listing.item("s3://bucket/a")


async def test_collection() -> None:
    """A store has no collections."""
    assert await World(Store({}).serve).listing.collection("s2") is None


def _element(tag: str, parts: list[str]) -> str:
    return f"<{tag}>{''.join(parts)}</{tag}>"


_TAGS = st.sampled_from(
    (
        *("Contents", "Key", "Size", "LastModified", "IsTruncated", "NextContinuationToken", "EncodingType"),
        *("KeyCount", "CommonPrefixes", "Blobs", "Blob", "Name", "Properties", "Content-Length", "Last-Modified"),
        "NextMarker",
    )
)
_TEXTS = st.one_of(
    st.sampled_from(["", "true", "false", "url", "1", "-1", "%FF", "a/", "../a", "2024-06-01T12:00:00Z", "&x;", "]]>"]),
    st.text(max_size=8).map(escape),
)
_ELEMENTS = st.recursive(
    _TEXTS,
    lambda inner: st.builds(_element, _TAGS, st.lists(inner, max_size=5)),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    url=st.sampled_from(["s3://bucket/", "az://account/con"]),
    parts=st.lists(_ELEMENTS, max_size=8),
    root=st.sampled_from(["ListBucketResult", "EnumerationResults"]),
)
async def test_junk(url: str, parts: list[str], root: str) -> None:
    """Whatever is written in a list's words is a page whose assets can be asked for, or a malformed one."""
    body = f"<{root}>{''.join(parts)}</{root}>".encode("utf-8", "surrogatepass")
    world = World(lambda _: Answer(chunks=(body,)), url=url)

    try:
        page = await world.listing.page(None, window=_OPEN)
    except (MalformedCatalogError, EndlessCatalogError):
        return

    hrefs = [asset.href for item in page.items for asset in item.assets]
    assert [ObjectAddress.read(each) is not None for each in hrefs] == [True] * len(hrefs)


@settings(deadline=None)
@given(body=st.binary(max_size=200))
async def test_bytes(body: bytes) -> None:
    """No bytes raise anything else than what is said of a malformed page."""
    with pytest.raises(MalformedCatalogError):
        await World(lambda _: Answer(chunks=(body,))).listing.page(None, window=_OPEN)


_KEY = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@settings(deadline=None)
@given(keys=st.sets(_KEY, max_size=12), size=st.integers(1, 5), item=st.sampled_from(["asset", "folder", "(a+)b"]))
async def test_nothing_is_lost(keys: set[str], size: int, item: str) -> None:
    """Whatever keys are called and however many make a page, each is listed or refused, once."""
    world = World(Store(_many(*keys)).serve, page_size=size, item=item)

    pages = await world.pages()

    listed = [asset.href for page in pages for each in page.items for asset in each.assets]
    refused = [each.key for page in pages for each in page.refusals]
    assert sorted(listed + refused) == sorted(f"s3://bucket/{key}" for key in keys)


_SHORT = st.text(st.sampled_from("ab/"), max_size=5)
_PATTERNS = st.lists(st.text(st.sampled_from("ab/*?"), min_size=1, max_size=5), min_size=1, max_size=4)


@settings(deadline=None)
@given(keys=st.sets(_SHORT.filter(bool), max_size=12), patterns=_PATTERNS, size=st.integers(1, 3), begun=_SHORT)
async def test_nothing_is_ruled_out_wrongly(keys: set[str], patterns: list[str], size: int, begun: str) -> None:
    """Whatever patterns there are, the keys that come are those that match one, each once and in the order of keys."""
    begun = begun if _is_prefix(begun) else ""
    expressions = [re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns]
    wanted = [
        key
        for key in sorted(keys)
        if key.startswith(begun) and any(re.fullmatch(each, key, re.DOTALL) for each in expressions)
    ]
    try:
        world = World(Store(_many(*keys)).serve, url=f"s3://bucket/{begun}", patterns=patterns, page_size=size)
    except ValidationError:
        assert wanted == []
        return

    pages = await world.pages()

    found = [asset.href for page in pages for item in page.items for asset in item.assets]
    refused = [each.key for page in pages for each in page.refusals]
    assert sorted(found + refused) == [f"s3://bucket/{each}" for each in wanted]
    assert found == sorted(found)


def _is_prefix(begun: str) -> bool:
    try:
        ObjectAddress.read_prefix(f"s3://bucket/{begun}")
    except ValueError:
        return False
    return True
