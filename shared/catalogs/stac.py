"""A STAC API's item search, page by page along its next links.

A token is the next request, whole: a page can be asked for again from its message alone, and a search goes on as it
began when ``datasets.toml`` changes meanwhile.
"""

import asyncio
import json
from typing import Annotated, override

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SkipValidation, ValidationError

from shared.catalogs.json_text import Lenient, explained, parse_json, shown
from shared.catalogs.kind import Ways
from shared.catalogs.reader import CatalogReader
from shared.catalogs.stac_items import read_item, self_address
from shared.catalogs.stac_requests import ACCEPT, NextLink, SearchRequest, collection_address, item_address
from shared.catalogs.stac_settings import StacSettings
from shared.egress import Http, Reply, check_status
from shared.model.datasets import Allowlist, Dataset, Selection
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    EndlessCatalogError,
    MalformedCatalogError,
    TokenRefusedError,
    UnexpectedStatusError,
)
from shared.model.hrefs import unsigned
from shared.model.items import CatalogCollection, CatalogItem, Page, Refusal
from shared.model.messages import MAX_REQUEST_BYTES
from shared.model.windows import TimeProperty, Window
from shared.redaction import redacted

_MAX_PAGE_BYTES = 64 * 1024 * 1024


class StacCatalog(StacSettings, frozen=True):
    """A STAC API's item search."""

    @override
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        return StacSearch(self, allow=dataset.allow, http=ways.http, select=dataset.select)


class StacSearch:
    """A CatalogReader of a STAC API; each page is one request, and the errors of egress pass through."""

    def __init__(self, catalog: StacCatalog, *, allow: Allowlist, http: Http, select: Selection) -> None:
        """``select``: its times and its box are asked of the API, so that it sends no more than is wanted."""
        self._catalog = catalog
        self._select = select
        self._allow = allow
        self._http = http

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; a page without items can have a next one all the same."""
        times = self._select.window if by is not TimeProperty.DATETIME else window.meet(self._select.window)
        if times.interval is not None:
            times = times.meet(self._catalog.window)
        if times.is_empty:
            return Page(items=(), next_token=None)
        if token is not None:
            request = SearchRequest.decode(token)
        else:
            request = self._first(times, new=(by, window) if by is not TimeProperty.DATETIME else None)
        async with self._http.request(
            request.method, request.href, allow=self._allow, headers=request.all_headers, body=request.encoded_body
        ) as reply:
            _check(reply, token=token)
            body = await _read(reply)
        # A large page takes a second to parse, and copies share the event loop.
        return await asyncio.to_thread(_page, body, request=request, address=reply.url)

    async def item(self, name: str) -> CatalogItem | None:
        """See ``CatalogReader``; one request."""
        found = await self._asked(item_address(self._catalog, name))
        if found is None:
            return None
        body, where = found
        # Seen from the search's address, as on a page: where an item says no address of its own, one href would be two.
        place, address = redacted(unsigned(where)), self._first(Window()).href
        return await asyncio.to_thread(_item, body, name=name, place=place, address=address)

    async def collection(self, name: str) -> CatalogCollection | None:
        """See ``CatalogReader``; one request."""
        found = await self._asked(collection_address(self._catalog, name))
        return None if found is None else await asyncio.to_thread(_collection, found[0], name=name, address=found[1])

    async def _asked(self, address: str | None) -> tuple[bytes, str] | None:
        """What stands at an address, and where that is after redirects; None where there is nothing."""
        if address is None:
            return None
        async with self._http.request("GET", address, allow=self._allow, headers={"accept": ACCEPT}) as reply:
            try:
                check_status(reply)
            except AssetNotFoundError:
                return None
            return await _read(reply), reply.url

    def _first(self, window: Window, *, new: tuple[TimeProperty, Window] | None = None) -> SearchRequest:
        return SearchRequest.first(self._catalog, window=window, bbox=self._select.bbox, new=new)


def _check(reply: Reply, *, token: str | None) -> None:
    """Raise what a status means; that a next link leads nowhere any more says nothing of the catalog's first page."""
    try:
        check_status(reply)
    except (AssetNotFoundError, UnexpectedStatusError) as error:
        if token is None or not 400 <= reply.status < 500:  # noqa: PLR2004 - the client's mistakes (RFC 9110, 15.5)
            raise
        raise TokenRefusedError(f"{error} to a next link of its own") from error


async def _read(reply: Reply) -> bytes:
    try:
        return await reply.read(_MAX_PAGE_BYTES)
    except AssetTooLargeError as error:
        raise MalformedCatalogError(f"the page has more than {_MAX_PAGE_BYTES} bytes") from error


def _page(body: bytes, *, request: SearchRequest, address: str) -> Page:
    place = redacted(unsigned(address))
    try:
        found = _Answer.model_validate(_document(body, place=place))
    except ValidationError as error:
        raise MalformedCatalogError(f"{place} is no page of a STAC API: {explained(error)}") from error
    items: list[CatalogItem] = []
    refusals: list[Refusal] = []
    for number, feature in enumerate(found.features, start=1):
        item, refused = read_item(feature, address=address, name=f"feature {number} of {place} ({request.digest})")
        refusals += refused
        if item is not None:
            items.append(item)
    return Page(
        items=tuple(items),
        refusals=tuple(refusals),
        next_token=_next_token(found.links, request=request, address=address),
        matched=found.matched,
    )


def _item(body: bytes, *, name: str, place: str, address: str) -> CatalogItem:
    item, refusals = read_item(_document(body, place=place), address=address, name=name)
    if item is None:
        raise MalformedCatalogError(f"{place}: {refusals[0].message}")
    if item.item != name:
        raise MalformedCatalogError(f"{place} is another item, found {shown(item.item)}")
    return item


def _collection(body: bytes, *, name: str, address: str) -> CatalogCollection:
    place = redacted(unsigned(address))
    document = _document(body, place=place)
    if not isinstance(document, dict) or document.get("id") != name or document.get("type") != "Collection":
        raise MalformedCatalogError(f"{place} isn't the collection {shown(name)}, found {shown(document)}")
    return CatalogCollection(document=document, address=self_address(document, address=address))


def _document(body: bytes, *, place: str) -> JsonValue:
    try:
        return parse_json(body)
    except ValueError as error:
        raise MalformedCatalogError(f"{place} is no JSON: {error}, found {shown(body[:80])}") from error


def _next_token(links: list[JsonValue], *, request: SearchRequest, address: str) -> str | None:
    raw = next((each for each in links if isinstance(each, dict) and each.get("rel") == "next"), None)
    if raw is None:
        return None
    try:
        following = request.followed_by(NextLink.model_validate(raw), address=address)
        token = following.encode()
    except ValidationError as error:
        raise MalformedCatalogError(f"the next link can't be followed: {explained(error)}") from error
    except ValueError as error:
        raise MalformedCatalogError(f"the next link can't be followed, found {shown(raw)}") from error
    if following == request:
        raise EndlessCatalogError("the next link leads to the page that it stands on")
    if len(json.dumps(token)) > MAX_REQUEST_BYTES:
        raise MalformedCatalogError(f"the next request doesn't fit into a message: {len(token)} characters")
    return token


type _Count = Annotated[int, Field(ge=0)]


class _Matched(BaseModel):
    matched: Lenient[_Count] = None


class _Answer(BaseModel):
    """A page: features, to be read one by one, and links, of which only the next one has to be right."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # As the parser made them: validating would copy the whole page. Each that is none is a refusal of its own, and no
    # API sends so many.
    features: Annotated[list[SkipValidation[JsonValue]], Field(max_length=100_000)]
    links: Annotated[list[JsonValue], BeforeValidator(lambda value: [] if value is None else value)] = []
    number_matched: Lenient[_Count] = Field(None, alias="numberMatched")
    context: Lenient[_Matched] = None

    @property
    def matched(self) -> int | None:
        """The count of OGC API - Features, or that of the older context extension."""
        if self.number_matched is not None:
            return self.number_matched
        return self.context.matched if self.context else None
