"""What the pages of every catalog over HTTP keep to, whatever it is written in."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Protocol

import pytest

from shared.catalogs.geoparquet import Geoparquet, GeoparquetCatalog
from shared.catalogs.geoparquet_pages import Standing
from shared.catalogs.http_index import HttpIndex, HttpIndexCatalog
from shared.catalogs.manifest import Manifest, ManifestCatalog
from shared.catalogs.manifest_bytes import open_web
from shared.catalogs.parquet_bytes import read_web
from shared.catalogs.reader import CatalogReader
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.catalogs.static_stac import StaticStac, StaticStacCatalog
from shared.model.datasets import Allowlist, Dataset, Selection
from shared.model.errors import MalformedRequestError, PermanentError, TruncatedBodyError
from shared.model.items import Page
from shared.model.windows import Window
from tests.fakes.documented import json_index
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.fakes.tables import no_stac_rows, ranged, stac_row, written
from tests.fakes.ways import ways

_TOP = "https://data.example.org/"
_ALLOW = Allowlist(hosts=("data.example.org",))
_OPEN = Window()
_PAGE = 2
type _Serve = Callable[[Asked], Answer]


class _Kind(Protocol):
    """A kind of catalog: a server of these names, and a reader of it with two files a page."""

    def __call__(self, names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]: ...


def _stac(names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]:
    def serve(asked: Asked) -> Answer:
        first = json.loads(asked.body or b"").get("skip", 0)
        link = {"rel": "next", "href": "search", "method": "POST", "merge": True, "body": {"skip": first + _PAGE}}
        features = [_feature(each) for each in names[first : first + _PAGE]]
        return _json({"features": features, "links": [link] if first + _PAGE < len(names) else []})

    catalog = StacCatalog(kind="stac", url=_TOP, page_size=_PAGE)
    return serve, lambda http: StacSearch(catalog, allow=_ALLOW, http=http, select=Selection())


def _manifest(names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]:
    body = "".join(f"{_TOP}{each}.tif\n" for each in names).encode()
    catalog = ManifestCatalog(kind="manifest", url=f"{_TOP}list.tsv", page_size=_PAGE)
    return lambda _: Answer(chunks=(body,)), lambda http: Manifest(catalog, open_manifest=open_web(http, allow=_ALLOW))


def _static_stac(names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]:
    """The first name stands in a catalog below the root."""

    def serve(asked: Asked) -> Answer:
        name = asked.url.removeprefix(_TOP).removesuffix(".json")
        links = {
            "catalog": [("child", "below"), *(("item", each) for each in names[1:])],
            "below": [("item", each) for each in names[:1]],
        }
        if name not in links:
            return _json(_feature(name))
        return _json({"links": [{"rel": rel, "href": f"{each}.json"} for rel, each in links[name]]})

    catalog = StaticStacCatalog(kind="static_stac", url=f"{_TOP}catalog.json", page_size=_PAGE)
    return serve, lambda http: StaticStac(catalog, allow=_ALLOW, http=http)


def _http_index(names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]:
    """The last names stand in a directory below the top."""
    pages = {_TOP: [*names[:2], "below/"], f"{_TOP}below/": names[2:]}

    def serve(asked: Asked) -> Answer:
        body = "".join(f'<a href="{each}">' for each in pages[asked.url]).encode()
        return Answer(chunks=(body,), headers={"Content-Type": "text/html"})

    catalog = HttpIndexCatalog(kind="http_index", url=_TOP, page_size=_PAGE)
    return serve, lambda http: HttpIndex(catalog, allow=_ALLOW, http=http)


def _documented(names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]:
    """The kind that docs/new-catalog.md writes."""

    def serve(asked: Asked) -> Answer:
        first = int(asked.url.removeprefix(f"{_TOP}index").removesuffix(".json"))
        files = [{"url": f"{each}.tif"} for each in names[first : first + _PAGE]]
        return _json({"files": files, "next": f"index{first + _PAGE}.json" if first + _PAGE < len(names) else None})

    catalog = json_index().JsonIndexCatalog(kind="json_index", url=f"{_TOP}index0.json")
    dataset = Dataset.model_construct(allow=_ALLOW)
    return serve, lambda http: catalog.reader(dataset, ways(http))


def _geoparquet(names: Sequence[str], /) -> tuple[_Serve, Callable[[FakeEgress], CatalogReader]]:
    """Two pages stand in a row group."""
    url = f"{_TOP}items.parquet"
    body = written([stac_row(each) for each in names] or no_stac_rows(), group_size=2 * _PAGE)
    catalog = GeoparquetCatalog(kind="geoparquet", url=url, page_size=_PAGE)

    def reader(http: FakeEgress) -> CatalogReader:
        part = read_web(url, http, allow=_ALLOW)
        return Geoparquet(catalog, select=Selection(), part=part, standing=Standing())

    return ranged({url: body}), reader


def _feature(name: str) -> dict[str, object]:
    return {"id": name, "properties": {}, "assets": {"data": {"href": f"{_TOP}{name}.tif"}}}


def _json(document: object) -> Answer:
    return Answer(chunks=(json.dumps(document).encode(),))


@pytest.fixture(
    params=[_stac, _manifest, _static_stac, _http_index, _geoparquet, _documented],
    ids=lambda each: each.__name__.strip("_"),
)
def kind(request: pytest.FixtureRequest) -> _Kind:
    """A kind of catalog."""
    return request.param


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
async def test_order_and_tokens(kind: _Kind, count: int) -> None:
    """Each file comes once and in order, on pages that are read from their tokens alone and aren't too long."""
    names = [f"n{number}" for number in range(count)]
    serve, reader = kind(names)

    pages = [await reader(FakeEgress(serve)).page(None, window=_OPEN)]
    while (token := pages[-1].next_token) is not None:
        pages.append(await reader(FakeEgress(serve)).page(token, window=_OPEN))

    assert _names(*pages) == names
    assert all(len(each.items) <= _PAGE for each in pages)
    assert [each for page in pages for each in page.refusals] == []


async def test_crash_in_the_middle(kind: _Kind) -> None:
    """A page that is asked for again, by a worker that knows nothing else, is the same to its next token."""
    serve, reader = kind(["n0", "n1", "n2", "n3", "n4"])
    first = await reader(FakeEgress(serve)).page(None, window=_OPEN)

    second = await reader(FakeEgress(serve)).page(first.next_token, window=_OPEN)
    again = await reader(FakeEgress(serve)).page(first.next_token, window=_OPEN)

    assert _names(second) == ["n2", "n3"]
    assert again == second


async def test_body_that_ends_early(kind: _Kind) -> None:
    """A body that ends early is worth another try, and never the end of the catalog."""
    serve, reader = kind([])

    def cut(asked: Asked) -> Answer:
        answer = serve(asked)
        return dataclasses.replace(answer, truncated=True)

    with pytest.raises(TruncatedBodyError):
        await reader(FakeEgress(cut)).page(None, window=_OPEN)


async def test_missing_catalog(kind: _Kind) -> None:
    """A catalog that isn't there is an error, and no empty one."""
    _, reader = kind([])

    with pytest.raises(PermanentError, match="404"):
        await reader(FakeEgress(lambda _: Answer(status=404))).page(None, window=_OPEN)


async def test_foreign_tokens(kind: _Kind) -> None:
    """A token of another kind of catalog is refused, and nobody is asked."""
    serve, reader = kind(["n0"])
    http = FakeEgress(serve)

    with pytest.raises(MalformedRequestError, match="the token is none of"):
        await reader(http).page('{"foreign":1}', window=_OPEN)
    assert http.asked == []


def _names(*pages: Page) -> list[str]:
    assets = [asset for page in pages for item in page.items for asset in item.assets]
    return [each.href.rpartition("/")[2].removesuffix(".tif") for each in assets]
