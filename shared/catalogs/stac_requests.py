"""The requests of a STAC item search: the first one, and what a next link makes of the one before.

https://github.com/radiantearth/stac-api-spec/blob/main/item-search/README.md: a next link says how the next page is
asked for (``method``, ``headers``, ``body``), and with ``merge: true`` that its headers and body are added to those of
the request that it answers::

    {"rel": "next", "method": "POST", "href": "https://stac.example.org/search", "body": {"skip": 100}, "merge": true}
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from shared.catalogs.stac_settings import FilterWith, StacSettings
from shared.catalogs.tokens import Token
from shared.model.windows import TimeProperty, Window

#: What an API is asked for.
ACCEPT = "application/geo+json, application/json;q=0.9"
_SEARCH = "/search"
_QUERY_OPERATORS = {">=": "gte", "<=": "lte"}
# No secret rests in a queue, and how a connection is made is egress' business.
_DROPPED_HEADERS = re.compile(
    r".*(authorization|cookie|auth-|api-?key|subscription-key|secret|signature|(security|access)-token).*"
    r"|host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|accept-encoding",
    re.IGNORECASE,
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def _kept(headers: dict[str, str]) -> dict[str, str]:
    """Headers that may rest in a message and be sent: no credentials, nothing that breaks out of its line.

    In lower case: a page's ``Search-After`` takes the place of the ``search-after`` before it.
    """
    return {
        name.lower(): value
        for name, value in headers.items()
        if _HEADER.fullmatch(name) and _HEADER_VALUE.fullmatch(value) and not _DROPPED_HEADERS.fullmatch(name)
    }


def _read_method(value: object) -> object:
    return value.upper() if isinstance(value, str) else value or "GET"


# Servers write members that they leave out as null.
type _Headers = Annotated[dict[str, str], BeforeValidator(lambda value: value or {}), AfterValidator(_kept)]
type _Method = Annotated[Literal["GET", "POST"], BeforeValidator(_read_method)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class NextLink(_Part):
    """How a page says that the next one is asked for."""

    href: Annotated[str, Field(min_length=1)]
    method: _Method = "GET"
    headers: _Headers = {}
    body: dict[str, JsonValue] | None = None
    merge: bool | None = None


class SearchRequest(Token, extra="ignore", coerce_numbers_to_str=True):
    """One request of a search, which is the token of the page that it asks for."""

    of_what: ClassVar[str] = "a STAC search"

    href: Annotated[str, Field(min_length=1, max_length=8192)]
    method: _Method = "GET"
    headers: _Headers = Field(default_factory=dict)
    body: dict[str, JsonValue] | None = None

    @classmethod
    def first(
        cls,
        catalog: StacSettings,
        *,
        window: Window,
        bbox: Sequence[float] | None = None,
        new: tuple[TimeProperty, Window] | None = None,
    ) -> Self:
        """The request for a search's first page; ``new`` asks for items by another of their times beside."""
        search: dict[str, JsonValue] = {**catalog.query, "limit": catalog.page_size}
        if catalog.collections:
            search["collections"] = list(catalog.collections)
        if window.interval is not None:
            search["datetime"] = window.interval
        if bbox is not None:
            search["bbox"] = list(bbox)
        if new is not None:
            search |= _filtered(catalog, *new)
        parts = urlsplit(catalog.url)
        parts = parts._replace(path=f"{_root(parts.path)}{_SEARCH}")
        if catalog.method == "POST":
            return cls(method="POST", href=parts.geturl(), body=search)
        query = urlencode({name: _parameter(value) for name, value in search.items()})
        return cls(href=parts._replace(query=f"{parts.query}&{query}".lstrip("&")).geturl())

    def followed_by(self, link: NextLink, *, address: str) -> "SearchRequest":
        """The request that a link asks for, seen from the page at ``address``; raises ValueError for no address."""
        headers, body = link.headers, link.body
        if link.merge:
            headers = {**self.headers, **headers}
            body = {**(self.body or {}), **(body or {})}
        return SearchRequest(
            method=link.method,
            href=urljoin(address, link.href),
            headers=headers,
            body=body if link.method == "POST" else None,
        )

    @property
    def all_headers(self) -> dict[str, str]:
        """What is sent."""
        typed = {"content-type": "application/json"} if self.body is not None else {}
        return {"accept": ACCEPT, **self.headers, **typed}

    @property
    def encoded_body(self) -> bytes | None:
        """What is sent."""
        return None if self.body is None else json.dumps(self.body, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """Tells the pages of a POST search apart, which have one address."""
        return hashlib.sha256(self.encode().encode()).hexdigest()[:8]


def _filtered(catalog: StacSettings, by: TimeProperty, window: Window) -> dict[str, JsonValue]:
    """The members of a search that ask for a property's window, with what the dataset's own query says of them.

    ::

        {"query": {"eo:cloud_cover": {"lt": 10}, "updated": {"gte": "2024-06-01T00:00:00Z", "lte": "..."}}}
    """
    ends = {">=": window.since, "<=": window.until}
    times = {op: moment.isoformat().replace("+00:00", "Z") for op, moment in ends.items() if moment is not None}
    asked = catalog.query.get(catalog.filter_with)
    if catalog.filter_with is FilterWith.QUERY:
        conditions: dict[str, JsonValue] = {_QUERY_OPERATORS[op]: text for op, text in times.items()}
        return {"query": {**(asked if isinstance(asked, dict) else {}), by.value: conditions}}
    if catalog.method == "GET":
        texts = [f"{by.value} {op} TIMESTAMP('{text}')" for op, text in times.items()]
        return {"filter-lang": "cql2-text", "filter": " AND ".join([*([f"({asked})"] if asked else []), *texts])}
    terms: list[JsonValue] = [
        {"op": op, "args": [{"property": by.value}, {"timestamp": text}]} for op, text in times.items()
    ]
    return {"filter-lang": "cql2-json", "filter": {"op": "and", "args": [*([asked] if asked else []), *terms]}}


def item_address(catalog: StacSettings, name: str) -> str | None:
    """Where an API has an item, by what a page calls it; None for a name that has no address.

    A collection's id has no slash (``read_item`` refuses those that have), so the item's begins after the first one::

        s2/T32  →  https://stac.example.org/v1/collections/s2/items/T32
    """
    collection, _, item = name.partition("/")
    if not {collection, item}.isdisjoint({"", ".", ".."}):
        # Without a collection there is no such address, and dots would lead to another one.
        return None
    return _address(catalog, f"collections/{quote(collection, safe='')}/items/{quote(item, safe='')}")


def collection_address(catalog: StacSettings, name: str) -> str | None:
    """Where an API has a collection; None for a name that has no address."""
    return None if name in {"", ".", ".."} else _address(catalog, f"collections/{quote(name, safe='')}")


def _address(catalog: StacSettings, path: str) -> str:
    parts = urlsplit(catalog.url)
    return parts._replace(path=f"{_root(parts.path)}/{path}").geturl()


def _root(path: str) -> str:
    """The path of an API's landing page, from that or from its search's."""
    return path.rstrip("/").removesuffix(_SEARCH)


def _parameter(value: JsonValue) -> str:
    """A member of a search as GET writes it: lists of plain values with commas, anything else as JSON."""
    match value:
        case str():
            return value
        case list() if not any(isinstance(each, dict | list) for each in value):
            return ",".join(_parameter(each) for each in value)
        case _:
            return json.dumps(value, separators=(",", ":"))
