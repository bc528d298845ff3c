"""What a catalog answers: items with their assets, in pages."""

import dataclasses
import datetime as dt
import hashlib
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.model.assets import Asset

#: As long as an identity may be.
_LONGEST_NAME = 2048


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CatalogAsset:
    """One file of an item, as the catalog lists it."""

    key: str
    #: As the catalog gives it, signature and all.
    href: str
    size: int | None = None
    #: ``<algorithm>:<hex>``.
    checksum: str | None = None
    updated: dt.datetime | None = None
    media_type: str | None = None
    #: A blob name that the catalog asks for itself (a manifest's destination column).
    destination: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CatalogItem:
    """Assets that belong together."""

    #: ``collection/id`` where there is a collection.
    item: str
    collection: str | None = None
    id: str
    #: Its time, or the start of its interval.
    datetime: dt.datetime | None = None
    #: West, south, east, north in degrees.
    bbox: tuple[float, float, float, float] | None = None
    assets: tuple[CatalogAsset, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that a catalog lists and that can't become an asset: a failure to record, no reason to stop."""

    #: What it is called in the failures table: an item's id, or ``line 17 of <address>``.
    item: str
    key: str
    #: The class of the error, and its text.
    error: str
    message: str

    @classmethod
    def of(cls, error: Exception, *, item: str, key: str) -> Self:
        """Refuse for this reason, under names that fit into a table whatever the catalog wrote."""
        return cls(
            item=fit_name(item),
            key=fit_name(key),
            error=type(error).__name__,
            message=_printable(str(error))[:_LONGEST_NAME],
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One step of discovery."""

    items: tuple[CatalogItem, ...]
    #: Where the next page begins; None at the end.
    next_token: str | None
    refusals: tuple[Refusal, ...] = ()
    #: How many items the catalog says there are in all, where it says so.
    matched: int | None = None


class PlannedItem(BaseModel):
    """An item's selected assets, ready to be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    assets: tuple[Asset, ...]


class Cut(BaseModel):
    """How a page is cut into copy requests, and those into parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle_assets: int
    bundle_bytes: int
    #: Copy requests of one part.
    requests: int


class PlannedPage(BaseModel):
    """A page after selection, as it is kept: its parts and redeliveries read this and never the catalog again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: tuple[PlannedItem, ...]
    next_token: str | None
    #: Items that the catalog listed on this page, those that it listed badly among them.
    available: int
    #: Items of which nothing was selected.
    filtered: int
    #: Items that can't be copied; each stands in the failures table.
    refused: int
    #: Fixed when the page is kept: other settings between two of its parts would leave assets out.
    cut: Cut


def fit_name(name: str) -> str:
    """A name of the failures table: itself, or its beginning and a digest if it is too long."""
    text = _printable(name)
    if len(text) <= _LONGEST_NAME:
        return text
    return f"{text[: _LONGEST_NAME - 17]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _printable(text: str) -> str:
    """JSON can carry half a surrogate pair, which nothing can store."""
    return text.encode("utf-8", "backslashreplace").decode()
