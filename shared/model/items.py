"""What a catalog answers: items with their assets, in pages."""

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.model.assets import Asset
from shared.model.windows import Window

#: As long as an identity may be.
_LONGEST_NAME = 2048
#: Hex digits: a run of a hundred million items has hardly two that share one.
_DIGEST_LENGTH = 16


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
    #: What the catalog says of it, whole, and the address that its relative links are seen from. Items are told apart
    #: by what is read from that.
    document: Mapping[str, JsonValue] | None = dataclasses.field(default=None, compare=False, repr=False)
    address: str = dataclasses.field(default="", compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CatalogCollection:
    """What a catalog says of a collection, whole, and the address that its relative links are seen from."""

    document: Mapping[str, JsonValue]
    address: str


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

    @property
    def names(self) -> dict[str, str]:
        """Every item once, what was refused among them: its name by a digest of it, in the page's order."""
        names = (*(fit_name(each.item) for each in self.items), *(each.item for each in self.refusals))
        return {hashlib.sha256(each.encode()).hexdigest()[:_DIGEST_LENGTH]: each for each in names}


class PlannedItem(BaseModel):
    """An item's selected assets, ready to be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    assets: tuple[Asset, ...]
    #: Which of its documents is kept for publishing; None: it isn't to be published.
    version: str | None = None


class Cut(BaseModel):
    """How a page is cut into copy requests, and those into parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle_assets: int
    bundle_bytes: int
    #: Copy requests of one part.
    requests: int
    #: Whether bundles of several items stand where the first of them does. They stand at the end of pages that were
    #: kept when pages had no order yet.
    singles_in_place: bool = False


class End(BaseModel):
    """Where a page ends before its end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: The asset, counted in the order of the page's requests, that would exceed the caps of its dataset's runs: it and
    #: those after it aren't asked for.
    before: int
    #: In words and numbers for an operator.
    because: str


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
    #: The token that asked for it.
    token: str | None = None
    #: Short digests of the names of all items that the catalog listed on it.
    listed: tuple[str, ...] = ()
    #: How many of these stood on the page before: they count there, and are copied as any.
    repeats: int = 0
    #: The names of those that are planned.
    repeated: tuple[str, ...] = ()
    #: How many items the pages of its window before it listed, and how many of these in a row listed none.
    listed_before: int = 0
    empty_before: int = 0
    #: How many items the catalog states that there are in the window.
    matched: int | None = None
    #: The parts in which its window is read instead, since the catalog can't list all of it.
    split: tuple[Window, ...] = ()
    #: The catalog can't list all of it, and it isn't split.
    is_capped: bool = False
    #: Where it ends because of the dataset's caps; kept with it, so that parts and redeliveries are cut alike.
    end: Annotated[End | None, Field(exclude_if=lambda end: end is None)] = None
    #: Some of what was refused, on a plan's pages: of a run it stands in the failures table.
    refusals: Annotated[tuple[Refusal, ...], Field(exclude_if=lambda refusals: not refusals)] = ()


def fit_name(name: str) -> str:
    """A name of the failures table: itself, or its beginning and a digest if it is too long."""
    text = _printable(name)
    if len(text) <= _LONGEST_NAME:
        return text
    return f"{text[: _LONGEST_NAME - 17]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _printable(text: str) -> str:
    """JSON can carry half a surrogate pair, which nothing can store."""
    return text.encode("utf-8", "backslashreplace").decode()
