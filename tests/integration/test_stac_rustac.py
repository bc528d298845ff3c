"""A search through egress against a STAC API that isn't ours: ``rustac serve``.

It pages a POST search by a ``skip`` in its next link's body, and ignores filters and sorting.
"""

import json
from collections.abc import Generator

import pytest

from shared.catalogs.reader import CatalogReader
from shared.egress import Egress
from shared.model.errors import EndlessCatalogError, SourceUnavailableError
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.windows import Window
from tests.integration.rustac import feature, rustac, searching

_ITEMS = 30
_PAGES_AT_MOST = 50
_OPEN = Window()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """Where the API listens."""
    with rustac([feature(number) for number in range(_ITEMS)], directory=tmp_path_factory.mktemp("rustac")) as port:
        yield port


async def test_pages(port: int, egress: Egress) -> None:
    """Thirty items come in three pages, in the catalog's order: nothing is missing and nothing comes twice."""
    pages = await _pages(searching(port, egress, collections=("scenes",), page_size=10))

    assert [[each.id for each in page.items] for page in pages] == [
        [f"scene-{number:02}" for number in range(first, first + 10)] for first in (0, 10, 20)
    ]
    assert [each for page in pages for each in page.refusals] == []


async def test_last_page_is_short(port: int, egress: Egress) -> None:
    """A last page that isn't full ends the search; so does one that holds everything."""
    seven = await _pages(searching(port, egress, page_size=7))
    hundred = await _pages(searching(port, egress, page_size=100))

    assert [len(page.items) for page in seven] == [7, 7, 7, 7, 2]
    assert [len(page.items) for page in hundred] == [30]


async def test_item(port: int, egress: Egress) -> None:
    """An item comes with what its document said, seen from the address that the API gives it."""
    (page,) = await _pages(searching(port, egress, query={"ids": ["scene-04"]}))

    assert page.items == (
        CatalogItem(
            item="scenes/scene-04",
            collection="scenes",
            id="scene-04",
            datetime=_day(5).since,
            bbox=(4, 1, 5, 2),
            assets=(
                CatalogAsset(
                    key="image",
                    href=f"http://127.0.0.1:{port}/collections/scenes/items/scene-04.tif",
                    size=5,
                    checksum="md5:" + "0" * 32,
                    media_type="image/tiff",
                ),
            ),
        ),
    )


async def test_page_again(port: int, egress: Egress) -> None:
    """A page that is asked for again is the same page, from its token alone."""
    search = searching(port, egress, page_size=10)
    first = await search.page(None, window=_OPEN)

    second = await search.page(first.next_token, window=_OPEN)
    again = await searching(port, egress, page_size=3).page(first.next_token, window=_day(1))

    assert again == second
    assert [each.id for each in again.items] == [f"scene-{number:02}" for number in range(10, 20)]


@pytest.mark.parametrize(
    ("window", "numbers"),
    [
        (Window.parse("2024-01-05T00:00:00Z/2024-01-11T00:00:00Z"), range(4, 11)),
        (Window.parse("2024-01-28T00:00:00Z/.."), range(27, 30)),
        (Window.parse("../2024-01-03T12:00:00Z"), range(3)),
        (Window.parse("2025-01-01T00:00:00Z/.."), range(0)),
    ],
    ids=["both ends", "open end", "open beginning", "nothing"],
)
async def test_window(port: int, egress: Egress, window: Window, numbers: range) -> None:
    """A run's window is asked for on every page: both ends belong to it, and nothing outside comes."""
    pages = await _pages(searching(port, egress, page_size=3), window=window)

    assert [each.id for page in pages for each in page.items] == [f"scene-{number:02}" for number in numbers]
    assert len(pages) == max(1, -(-len(numbers) // 3))


async def test_place(port: int, egress: Egress) -> None:
    """What a dataset's query says is asked for on every page."""
    pages = await _pages(
        searching(port, egress, collections=("scenes",), query={"bbox": [3.5, 0, 8.5, 3]}, page_size=2)
    )

    assert [[each.id for each in page.items] for page in pages] == [
        ["scene-03", "scene-04"],
        ["scene-05", "scene-06"],
        ["scene-07", "scene-08"],
    ]


async def test_get(port: int, egress: Egress) -> None:
    """A GET search pages by the addresses of its next links."""
    pages = await _pages(searching(port, egress, method="GET", page_size=10), window=Window.parse("2024-01-15/.."))

    assert [len(page.items) for page in pages] == [10, 6]
    assert len({each.id for page in pages for each in page.items}) == 16


async def test_endless(port: int, egress: Egress) -> None:
    """A page without room for items links to itself: no dataset asks for it, and a token that does ends its run."""
    asked = searching(port, egress, query={"limit": 0}, page_size=20)
    token = json.dumps({"href": f"http://127.0.0.1:{port}/search", "method": "POST", "body": {"limit": 0}})

    assert [len(page.items) for page in await _pages(asked)] == [20, 10]
    with pytest.raises(EndlessCatalogError):
        await _pages(asked, token=token)


async def test_server_that_fails(port: int, egress: Egress) -> None:
    """A search that the server can't page (GET with collections: it answers 500) is put off, not taken for its end."""
    with pytest.raises(SourceUnavailableError):
        await _pages(searching(port, egress, method="GET", collections=("scenes",), page_size=10))


async def _pages(search: CatalogReader, *, window: Window = _OPEN, token: str | None = None) -> list[Page]:
    pages = [await search.page(token, window=window)]
    while pages[-1].next_token is not None and len(pages) < _PAGES_AT_MOST:
        pages.append(await search.page(pages[-1].next_token, window=window))
    return pages


def _day(day: int) -> Window:
    return Window.parse(f"2024-01-{day:02}T00:00:00Z/2024-01-{day:02}T23:59:59Z")
