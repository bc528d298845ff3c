"""What ``datasets.toml`` says of a STAC API."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self, override

from pydantic import Field, JsonValue, model_validator

from shared.catalogs.kind import CatalogKind
from shared.model.items import CatalogItem
from shared.model.windows import TimeProperty, Window


class FilterWith(StrEnum):
    """How a STAC API is asked for items by one of their properties."""

    #: https://github.com/stac-api-extensions/filter: CQL2, as JSON in a POST and as text in a GET search.
    FILTER = "filter"
    #: https://github.com/stac-api-extensions/query, its predecessor.
    QUERY = "query"


class StacSettings(CatalogKind, frozen=True):
    """All of a STAC API but its reader, which is made of requests that are made of these."""

    template: ClassVar[str] = "{dataset}/{collection}/{id}/{key}/{file}"
    item_template: ClassVar[str] = "{dataset}/items/{collection}/{id}.json"
    has_collections: ClassVar[bool] = True

    kind: Literal["stac"]
    url: Annotated[str, Field(pattern=r"^https?://")]
    """The API's landing page, or its search address if that ends in /search."""
    method: Literal["POST", "GET"] = "POST"
    """How the search is asked."""
    collections: tuple[str, ...] = ()
    """Collections to search; none: all."""
    query: Mapping[str, JsonValue] = {}
    """Further members of the search, such as filter, query, sortby or ids."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The search's limit: items a page."""
    filter_with: FilterWith = FilterWith.FILTER
    """filter or query: the extension by which the API is asked for what is new by created, updated or published."""
    result_cap: Annotated[int, Field(ge=0)] = 10_000
    """The most items that a search lists, whatever it has: what states so many, or ends there, is read in parts by
    time. 0: the API has no such limit."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ = self.window
        return self

    @property
    @override
    def has_times(self) -> bool:
        return True

    @property
    @override
    def most_results(self) -> int:
        return self.result_cap

    @override
    def has(self, item: CatalogItem) -> bool:
        """What else ``query`` asks the API for, nobody but the API can tell."""
        return not self.collections or item.collection in self.collections

    @property
    def window(self) -> Window:
        """The query's own ``datetime`` as a window: an interval, or a moment; where there is none, the open one."""
        text = self.query.get("datetime")
        if not isinstance(text, str):
            return Window()
        return Window.parse(text if "/" in text else f"{text}/{text}")

    @override
    def check_incremental(self, by: TimeProperty) -> None:
        """What the dataset's own query asks for mustn't get in the way of the window."""
        asked = self.query.get("query")
        if self.filter_with is FilterWith.QUERY and isinstance(asked, Mapping) and by in asked:
            raise ValueError(f"incremental: the catalog's query asks for {by.value} already; leave it out there")
        theirs = self.query.get("filter")
        kind = dict if self.method == "POST" else str
        if self.filter_with is FilterWith.FILTER and theirs is not None and not isinstance(theirs, kind):
            raise ValueError("incremental: the catalog's filter has to be CQL2 as JSON (POST) or text (GET)")
