import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.catalogs import geoparquet_pages
from shared.catalogs.geoparquet import Geoparquet, GeoparquetCatalog
from shared.catalogs.geoparquet_pages import Standing
from shared.catalogs.parquet_bytes import read_web
from shared.model.datasets import Allowlist, Dataset, Selection
from shared.model.errors import MalformedCatalogError, SourceChangedError, WindowError
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.windows import TimeProperty, Window
from tests.fakes.egress import FakeEgress
from tests.fakes.tables import pa, ranged, stac_row, written
from tests.fakes.ways import ways

_URL = "https://data.example.org/table.parquet"
_ALLOW = Allowlist(hosts=("data.example.org",))
_OPEN = Window()
_JUNE_3 = Window.parse("2024-06-03T00:00:00Z/2024-06-03T23:59:59Z")


class _Table:
    """A table on a server, its reader, and what was asked of the server."""

    def __init__(self, body: bytes, *, select: Selection | None = None, **settings: Any) -> None:
        self.contents = {_URL: body}
        self.http = FakeEgress(ranged(self.contents))
        catalog = GeoparquetCatalog.model_validate({"kind": "geoparquet", "url": _URL, **settings})
        part = read_web(_URL, self.http, allow=_ALLOW)
        self.reader = Geoparquet(catalog, select=select or Selection(), part=part, standing=Standing())

    async def pages(self, window: Window = _OPEN, *, by: TimeProperty = TimeProperty.DATETIME) -> list[Page]:
        found = [await self.reader.page(None, window=window, by=by)]
        while found[-1].next_token is not None:
            assert len(found) < 50
            found.append(await self.reader.page(found[-1].next_token, window=window, by=by))
        return found

    async def page(self, window: Window = _OPEN, *, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        (page,) = await self.pages(window, by=by)
        return page


def _ids(pages: Sequence[Page]) -> list[list[str]]:
    return [[each.id for each in page.items] for page in pages]


async def test_item() -> None:
    """A row is an item with all that a search would say of it, and its links are seen from its own address."""
    row = stac_row(
        "T32",
        day=2,
        bbox={"xmin": 7.5, "ymin": 47.0, "zmin": 0.0, "xmax": 8.5, "ymax": 48.0, "zmax": 9.0},
        updated=datetime(2024, 6, 5, tzinfo=UTC),
        links=[{"rel": "self", "href": "https://stac.example.org/s2/T32.json"}],
        geometry=b"\1\2\3",
        assets={
            "B04": {"href": "./B04.tif", "type": "image/tiff", "file:size": 9.0, "file:checksum": "d50110" + "0" * 32},
            "none": {"href": None, "type": None, "file:size": None, "file:checksum": None},
            "odd": {"href": b"https://data.example.org/odd.tif", "type": None, "file:size": 1.5, "file:checksum": None},
        },
    )

    page = await _Table(written([row])).page()

    updated = datetime(2024, 6, 5, tzinfo=UTC)
    assert page == Page(
        items=(
            CatalogItem(
                item="s2/T32",
                collection="s2",
                id="T32",
                datetime=datetime(2024, 6, 2, 10, tzinfo=UTC),
                bbox=(7.5, 47.0, 8.5, 48.0),
                assets=(
                    CatalogAsset(
                        key="B04",
                        href="https://stac.example.org/s2/B04.tif",
                        size=9,
                        checksum="md5:" + "0" * 32,
                        updated=updated,
                        media_type="image/tiff",
                    ),
                    CatalogAsset(key="odd", href="https://data.example.org/odd.tif", updated=updated),
                ),
            ),
        ),
        next_token=None,
        matched=1,
    )
    assert page.items[0].document is None


async def test_only_selected_assets_are_read() -> None:
    """An asset that isn't selected costs nothing: its columns aren't read."""
    assets = {key: {"href": f"https://data.example.org/{key}.tif"} for key in ("B04", "B08")}
    table = _Table(written([stac_row("T32", assets=assets)]), select=Selection(include=("B04",)))

    page = await table.page()

    assert [each.key for item in page.items for each in item.assets] == ["B04"]


async def test_rows_that_are_no_items() -> None:
    """They are refused by their number or their name, and the others are items all the same."""
    rows = [
        {**stac_row("none"), "id": None},
        stac_row("long", assets={"data": {"href": "https://data.example.org/" + "x" * 2_000_000, "file:size": 1}}),
        stac_row("twice"),
        stac_row("twice"),
        {**stac_row("lost"), "assets": {"data": {"href": None, "file:size": 3}}},
    ]

    page = await _Table(written(rows)).page()

    assert [each.id for each in page.items] == ["twice", "lost"]
    assert [(each.item, each.key) for each in page.refusals] == [
        (f"row 1 of {_URL}", ""),
        (f"row 2 of {_URL}", f"row 2 of {_URL}"),
        (f"row 4 of {_URL}", f"row 4 of {_URL}"),
        ("s2/lost", "data"),
    ]


async def test_pages_and_what_they_ask_for() -> None:
    """A page within a row group goes on where the one before ended, and reads neither footer nor rows anew."""
    table = _Table(written([stac_row(f"n{each}") for each in range(5)], group_size=3), page_size=2)

    pages = await table.pages()

    assert _ids(pages) == [["n0", "n1"], ["n2"], ["n3", "n4"]]
    assert {each.matched for each in pages} == {5}
    # The beginning of the file tells for each page whether it is the same; footer, and two row groups.
    assert [each.headers["Range"] == "bytes=0-3" for each in table.http.asked] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]


async def test_page_of_another_worker() -> None:
    """A worker that knows nothing of the page before, or of another one, reads what it needs anew."""
    body = written([stac_row(f"n{each}") for each in range(5)])
    first, second = _Table(body, page_size=2), _Table(body, page_size=2)
    token = (await first.reader.page(None, window=_OPEN)).next_token
    following = (await first.reader.page(token, window=_OPEN)).next_token

    await second.reader.page(None, window=_OPEN)
    pages = [await each.reader.page(following, window=_OPEN) for each in (second, first, first)]

    assert _ids(pages) == [["n4"]] * 3


async def test_changed_table() -> None:
    """A table that was written anew ends the pass: rows of two versions don't fit together."""
    table = _Table(written([stac_row(f"n{each}") for each in range(3)]), page_size=2)
    token = (await table.reader.page(None, window=_OPEN)).next_token
    table.contents[_URL] = written([stac_row("other")])

    with pytest.raises(SourceChangedError, match="isn't the one that the run began with"):
        await table.reader.page(token, window=_OPEN)


async def test_page_of_many_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends early with the row that has more text than a page may have."""
    monkeypatch.setattr(geoparquet_pages, "_MAX_PAGE_CHARACTERS", 100)
    table = _Table(written([stac_row(f"n{each}") for each in range(3)]))

    assert _ids(await table.pages()) == [["n0", "n1"], ["n2"]]


async def test_empty_row_groups() -> None:
    """A table of no rows, and row groups of none, have pages of none."""
    assert await _Table(written(pa.Table.from_pylist([stac_row("x")]).slice(0, 0))).page() == Page(
        items=(), next_token=None, matched=0
    )


async def test_window() -> None:
    """Of a window only the row groups are read that may have it, and exactly its items come."""
    rows = [stac_row(f"n{day}{each}", day=day) for day in range(1, 7) for each in "ab"]
    table = _Table(written(rows, group_size=4))

    pages = await table.pages(_JUNE_3)

    assert _ids(pages) == [["n3a", "n3b"]]
    assert {each.matched for each in pages} == {None}
    # Beginning, footer, one row group of three.
    assert len(table.http.asked) == 3


async def test_empty_window() -> None:
    """Nobody is asked for what can't be."""
    table = _Table(b"")
    never = Window.parse("2024-06-01T00:00:00Z/..").meet(Window.parse("../2024-05-01T00:00:00Z"))

    assert await table.page(never) == Page(items=(), next_token=None)
    assert table.http.asked == []


@pytest.mark.parametrize("by", [TimeProperty.UPDATED, TimeProperty.CREATED])
async def test_window_by_other_times(by: TimeProperty) -> None:
    """Items can be asked for by any time that has a column, also one of text; those without it aren't in a window."""
    written_times = ["2024-06-02T00:00:00Z", "2024-06-03T01:00:00+01:00", None, "3 June"]
    rows = [{**stac_row(f"n{number}"), by.value: each} for number, each in enumerate(written_times)]

    page = await _Table(written(rows)).page(_JUNE_3, by=by)

    assert [each.id for each in page.items] == ["n1"]
    assert [(each.item, each.message.partition(":")[0]) for each in page.refusals] == [("s2/n3", by.value)]


async def test_interval_of_an_item() -> None:
    """An item of an interval has no datetime, and its beginning counts."""
    rows = [
        stac_row("n0", start_datetime=None),
        {**stac_row("n1"), "datetime": None, "start_datetime": "2024-06-03T10:00:00Z"},
    ]

    assert _ids([await _Table(written(rows)).page(_JUNE_3)]) == [["n1"]]


@pytest.mark.parametrize("limit", ["_MOST_GROUPS", "_MOST_ROWS"])
async def test_much_that_nobody_wants(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One page passes over so much only; what follows is on the next one, and the last has the end."""
    monkeypatch.setattr(geoparquet_pages, limit, 1)
    times = ["2024-06-02T00:00:00Z", "2024-06-02T00:00:00Z", "2024-06-03T00:00:00Z"]
    rows = [stac_row(f"n{number}", updated=each) for number, each in enumerate(times)]

    pages = await _Table(written(rows, group_size=1)).pages(_JUNE_3, by=TimeProperty.UPDATED)

    assert _ids(pages) == [[], [], ["n2"]]


async def test_window_of_no_times() -> None:
    """A table without a column of the time that is asked for says so, and how it would have one."""
    with pytest.raises(WindowError, match=r"has no published times: .* columns name them"):
        await _Table(written([stac_row("n0")])).page(_JUNE_3, by=TimeProperty.PUBLISHED)


async def test_item_by_name() -> None:
    """An item is read from the row groups that may have it, with or without a collection in its name."""
    rows = [stac_row("a"), stac_row("b"), {**stac_row("c"), "collection": None}]
    table = _Table(written(rows, group_size=1))
    pages = await table.pages()
    table.http.asked.clear()

    found = [await table.reader.item(name) for name in ("s2/b", "c", "s2/c")]

    assert found == [pages[1].items[0], pages[2].items[0], None]
    # Each time beginning, footer and one row group.
    assert len(table.http.asked) == 9


async def test_item_that_may_be_anywhere() -> None:
    """Where the footer doesn't say where it may be, a few row groups are searched, and not all of a large table."""
    few, many = [
        _Table(written([stac_row(f"n{each}") for each in range(count)], group_size=1, write_statistics=False))
        for count in (4, 5)
    ]

    assert [await each.reader.item("s2/n3") is None for each in (few, many)] == [False, True]


async def test_ids_that_are_numbers() -> None:
    """An id that is no text is none of STAC's; nothing is found by it, and its rows are refused."""
    table = _Table(written([{**stac_row("x"), "id": 7}]))

    assert await table.reader.item("s2/7") is None
    assert [each.item for each in (await table.page()).refusals] == [f"row 1 of {_URL}"]


@pytest.mark.parametrize(
    "said", [{"collection": {"id": "s2"}}, {"collections": {"s2": {"id": "s2"}}}], ids=["one", "several"]
)
async def test_collection(said: Mapping[str, Any]) -> None:
    """The footer may have one collection or several."""
    table = pa.Table.from_pylist([stac_row("a")]).replace_schema_metadata({"stac-geoparquet": json.dumps(said)})
    reader = _Table(written(table)).reader

    found = await reader.collection("s2")

    assert (found and (found.document, found.address), await reader.collection("l8")) == (({"id": "s2"}, _URL), None)


@pytest.mark.parametrize("said", ["[]", '{"collection": 7, "collections": 8}'])
async def test_footer_without_a_collection(said: str) -> None:
    """What isn't a collection is none."""
    table = pa.Table.from_pylist([stac_row("a")]).replace_schema_metadata({"stac-geoparquet": said})

    assert await _Table(written(table)).reader.collection("s2") is None


async def test_footer_that_is_no_json() -> None:
    """What a footer says of collections has to be JSON."""
    table = pa.Table.from_pylist([stac_row("a")]).replace_schema_metadata({"stac-geoparquet": "{"})

    with pytest.raises(MalformedCatalogError, match="stac-geoparquet in its footer is no JSON"):
        await _Table(written(table)).reader.collection("s2")


async def test_files() -> None:
    """Of any other table a row is a file, with what a manifest's line may say of it."""
    rows = [
        {
            "href": "https://data.example.org/a.tif?sig=1&sv=2",
            "sha256": [1],
            "size": 3.0,
            "md5": bytes(16),
            "item": "A",
            "destination": "x.tif",
        },
        {"href": b"s3://bucket/b.tif", "size": None, "md5": b"0" * 32, "item": None, "destination": None},
        {"href": "b.tif", "size": None, "md5": None, "item": None, "destination": None},
    ]
    table = _Table(written(pa.Table.from_pylist(rows, _SCHEMA)))

    page = await table.page()

    digest = "md5:" + "0" * 32
    first = CatalogAsset(
        key="https://data.example.org/a.tif",
        href="https://data.example.org/a.tif?sig=1&sv=2",
        size=3,
        checksum=digest,
        destination="x.tif",
    )
    second = CatalogAsset(key="s3://bucket/b.tif", href="s3://bucket/b.tif", checksum=digest)
    assert page.items == (
        CatalogItem(item="A", id="A", assets=(first,)),
        CatalogItem(item="s3://bucket/b.tif", id="s3://bucket/b.tif", assets=(second,)),
    )
    assert [(each.item, each.message.partition(":")[0]) for each in page.refusals] == [(f"row 3 of {_URL}", "url")]
    assert (page.matched, await table.reader.item("A")) == (None, None)


_SCHEMA = pa.schema(
    [
        *(("href", pa.binary()), ("size", pa.float64()), ("md5", pa.binary())),
        *(("item", pa.string()), ("destination", pa.string())),
        # A list is none of these.
        ("sha256", pa.list_(pa.int64())),
    ]
)


async def test_columns_of_other_names() -> None:
    """Columns are what the dataset says that they are, and windows are of the times that it names."""
    rows = [
        {
            "at": f"https://data.example.org/{day}.tif",
            "taken": datetime(2024, 6, day, tzinfo=UTC),
            "changed": "2024-06-03",
        }
        for day in (2, 3)
    ]
    columns = {"url": "at", "datetime": "taken", "updated": "changed"}
    table = _Table(written(rows), columns=columns)

    taken, changed = [await table.page(_JUNE_3, by=by) for by in (TimeProperty.DATETIME, TimeProperty.UPDATED)]

    assert [[each.datetime for each in page.items] for page in (taken, changed)] == [
        [datetime(2024, 6, 3, tzinfo=UTC)],
        [datetime(2024, 6, 2, tzinfo=UTC), datetime(2024, 6, 3, tzinfo=UTC)],
    ]


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        ({"a": 1, "b": 2}, {}, "nor url or href; its columns are a, b; say in columns which one is the url"),
        ({"url": "x"}, {"size": "bytes"}, "columns.size: 'bytes' is no column; its columns are url"),
        ({"url": "x", "size": [1]}, {"size": "size"}, "columns.size: 'size' is no column"),
        ({"url": "x", "deep": {"y": 1}}, {"size": "deep.y"}, "columns.size: 'deep.y' is no column"),
        ({**stac_row("x"), "bbox": [1.0, 2.0, 3.0, 4.0]}, {}, "column bbox: it has to be a struct of xmin"),
    ],
)
async def test_tables_of_nothing(row: Mapping[str, Any], columns: Mapping[str, str], message: str) -> None:
    """A table that lacks what is needed is refused with what it has and what can be done."""
    with pytest.raises(MalformedCatalogError, match=message):
        await _Table(written([row]), columns=columns).page()


async def test_assets_that_are_no_struct() -> None:
    """Assets in another form than a column each are refused by name."""
    with pytest.raises(MalformedCatalogError, match="column assets: it has to be a struct of assets"):
        await _Table(written([{**stac_row("x"), "assets": "{}"}])).page()


def _dataset(catalog: Mapping[str, Any], **members: Any) -> Dataset:
    return Dataset.model_validate(
        {
            "catalog": {"kind": "geoparquet", "url": _URL, **catalog},
            "destination": {"container": "data"},
            "allow": {"hosts": ["data.example.org"]},
            "schedule": "15 3 * * *",
            **members,
        }
    )


@pytest.mark.parametrize(
    ("catalog", "members", "message"),
    [
        ({}, {"publish": {}}, "publish: a table hasn't all that is said of an item; leave it out"),
        ({"columns": {"url": "at"}}, {"incremental": {}}, "incremental: say in columns which one is updated"),
        ({"columns": {"uri": "at"}}, {}, "url"),
    ],
)
def test_datasets_that_can_not_be(catalog: Mapping[str, Any], members: Mapping[str, Any], message: str) -> None:
    """What a table can't do is said before a run begins."""
    with pytest.raises(ValidationError, match=message):
        _dataset(catalog, **members)


@pytest.mark.parametrize(
    ("columns", "has_times"),
    [({}, True), ({"url": "at"}, False), ({"datetime": "at"}, True), ({"updated": "at"}, True)],
)
def test_times(columns: Mapping[str, str], *, has_times: bool) -> None:
    """A table whose columns are named has the times that are named; of others its reader tells."""
    assert _dataset({"columns": columns}).catalog.has_times is has_times


def test_incremental() -> None:
    """Runs can be of what is new by any time of items, and by the times that are named."""
    assert _dataset({}, incremental={"property": "created"}).incremental is not None
    assert _dataset({"columns": {"updated": "at"}}, incremental={}).incremental is not None


def test_apps_without_tables(root: Path) -> None:
    """Whoever has no such catalog doesn't load what reads one."""
    asked = "import sys, shared.clients; print('pyarrow' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", asked], cwd=root, capture_output=True, check=True, timeout=60)

    assert said.stdout.decode().strip() == "False"


async def test_reader_of_a_dataset() -> None:
    """The reader that a dataset gets reads what its catalog names."""
    http = FakeEgress(ranged({_URL: written([stac_row("n0")])}))
    dataset = _dataset({})
    assert isinstance(dataset.catalog, GeoparquetCatalog)

    page = await dataset.catalog.reader(dataset, ways(http)).page(None, window=_OPEN)

    assert _ids([page]) == [["n0"]]
