"""What a STAC API is asked for that is new, and what its refusals mean."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.catalogs.stac import StacCatalog, StacSearch
from shared.model.datasets import Allowlist, Selection
from shared.model.errors import (
    AssetNotFoundError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TokenRefusedError,
    UnexpectedStatusError,
)
from shared.model.items import Page
from shared.model.windows import TimeProperty, Window
from tests.fakes.egress import Answer, FakeEgress

_WINDOW = Window.parse("2024-06-01T00:00:00Z/2024-06-02T12:30:00.500Z")
_SINCE, _UNTIL = "2024-06-01T00:00:00Z", "2024-06-02T12:30:00.500000Z"
_TERMS = [
    {"op": ">=", "args": [{"property": "updated"}, {"timestamp": _SINCE}]},
    {"op": "<=", "args": [{"property": "updated"}, {"timestamp": _UNTIL}]},
]
_TEXT = f"updated >= TIMESTAMP('{_SINCE}') AND updated <= TIMESTAMP('{_UNTIL}')"
_CLOUDS = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]}


def _search(
    answer: Answer | None = None, *, select: Selection | None = None, **catalog: Any
) -> tuple[StacSearch, FakeEgress]:
    body = json.dumps({"type": "FeatureCollection", "features": [], "links": []}).encode()
    http = FakeEgress(lambda _: answer or Answer(chunks=(body,)))
    stac = StacCatalog.model_validate({"kind": "stac", "url": "https://stac.example.org", **catalog})
    return StacSearch(stac, allow=Allowlist(hosts=("*.example.org",)), http=http, select=select or Selection()), http


async def _asked(window: Window = _WINDOW, *, by: TimeProperty = TimeProperty.UPDATED, **parts: Any) -> dict[str, Any]:
    search, http = _search(**parts)
    assert await search.page(None, window=window, by=by) == Page(items=(), next_token=None)
    (asked,) = http.asked
    if asked.body is None:
        return {name: value for name, (value,) in parse_qs(urlsplit(asked.url).query).items()}
    return json.loads(asked.body)


async def test_by_filter() -> None:
    """CQL2 as JSON asks for a property's window."""
    assert await _asked() == {"limit": 100, "filter-lang": "cql2-json", "filter": {"op": "and", "args": _TERMS}}


async def test_by_filter_beside_the_datasets_own() -> None:
    """Both have to hold."""
    asked = await _asked(query={"filter": _CLOUDS, "filter-lang": "cql2-json"})

    assert asked["filter"] == {"op": "and", "args": [_CLOUDS, *_TERMS]}


@pytest.mark.parametrize(
    ("query", "text"), [({}, _TEXT), ({"filter": "a = 1 OR b = 2"}, f"(a = 1 OR b = 2) AND {_TEXT}")]
)
async def test_by_filter_in_an_address(query: dict[str, Any], text: str) -> None:
    """A GET search asks by CQL2 as text."""
    asked = await _asked(method="GET", query=query)

    assert asked == {"limit": "100", "filter-lang": "cql2-text", "filter": text}


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_by_query(method: str) -> None:
    """The older extension, beside what the dataset asks for by it."""
    clouds = {"eo:cloud_cover": {"lt": 10}}

    asked = await _asked(method=method, filter_with="query", query={"query": clouds})

    conditions = asked["query"] if method == "POST" else json.loads(asked["query"])
    assert conditions == {**clouds, "updated": {"gte": _SINCE, "lte": _UNTIL}}
    assert "filter" not in asked


@pytest.mark.parametrize("by", [TimeProperty.CREATED, TimeProperty.PUBLISHED])
async def test_other_properties(by: TimeProperty) -> None:
    """Each is called in a search what it is called in an item."""
    asked = await _asked(Window(since=_WINDOW.since), by=by, filter_with="query")

    assert asked["query"] == {by.value: {"gte": _SINCE}}


async def test_by_datetime() -> None:
    """The items' own time has a member of its own."""
    asked = await _asked(by=TimeProperty.DATETIME)

    assert asked == {"limit": 100, "datetime": f"{_SINCE}/{_UNTIL}"}


async def test_what_is_selected_is_asked_for_beside_what_is_new() -> None:
    """Selected times stay what they are: the window is of another time."""
    select = Selection(datetime="2020-01-01T00:00:00Z/2020-12-31T00:00:00Z")

    asked = await _asked(filter_with="query", select=select)

    assert asked["datetime"] == "2020-01-01T00:00:00Z/2020-12-31T00:00:00Z"
    assert set(asked["query"]) == {"updated"}


@pytest.mark.parametrize(
    ("own", "asked_for"),
    [
        ("2024-06-02T00:00:00Z/..", f"2024-06-02T00:00:00Z/{_UNTIL}"),
        ("2024-06-01T06:00:00Z", "2024-06-01T06:00:00Z/2024-06-01T06:00:00Z"),
        (None, f"{_SINCE}/{_UNTIL}"),
    ],
)
async def test_a_window_within_the_datasets_own(own: str | None, asked_for: str) -> None:
    """A window never asks for more than the dataset's query does: where it is halved, neither does a half."""
    asked = await _asked(by=TimeProperty.DATETIME, query={"datetime": own})

    assert asked["datetime"] == asked_for


async def test_a_window_outside_the_datasets_own() -> None:
    """Nothing is asked for."""
    search, http = _search(query={"datetime": "2020-01-01/2020-02-01"})

    assert await search.page(None, window=_WINDOW) == Page(items=(), next_token=None)
    assert http.asked == []


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_refused_token(status: int) -> None:
    """A page that the catalog's own next link leads to, and that it doesn't give: a token that ran out."""
    search, _ = _search(Answer(status=status))

    with pytest.raises(TokenRefusedError, match=f"stac.example.org answered {status} to a next link of its own"):
        await search.page('{"href": "https://stac.example.org/search?token=2"}', window=Window())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((401, SourceRefusedError), (403, SourceRefusedError), (408, SourceUnavailableError)),
        *((429, SourceThrottledError), (503, SourceUnavailableError), (304, UnexpectedStatusError)),
    ],
)
async def test_what_is_no_refusal_of_a_token(status: int, error: type[Exception]) -> None:
    """A host in trouble, or one that wants a login, says nothing of a token."""
    search, _ = _search(Answer(status=status))

    with pytest.raises(error):
        await search.page('{"href": "https://stac.example.org/search?token=2"}', window=Window())


@pytest.mark.parametrize(("status", "error"), [(404, AssetNotFoundError), (400, UnexpectedStatusError)])
async def test_a_refused_first_page(status: int, error: type[Exception]) -> None:
    """There is no token that could have run out."""
    search, _ = _search(Answer(status=status))

    with pytest.raises(error):
        await search.page(None, window=Window())
