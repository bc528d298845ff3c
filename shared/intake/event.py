"""What an event comes to, however it was written."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from shared.model.items import CatalogItem, Refusal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an event asks for."""

    items: tuple[CatalogItem, ...] = ()
    #: What it asks for and nobody can copy.
    refusals: tuple[Refusal, ...] = ()
    #: What it tells of and nobody wants: other sorts of events, files that the dataset's catalog wouldn't list.
    ignored: int = 0

    @classmethod
    def of(cls, parts: Iterable["Content"]) -> Self:
        """All of them together."""
        parts = tuple(parts)
        return cls(
            items=tuple(item for each in parts for item in each.items),
            refusals=tuple(refusal for each in parts for refusal in each.refusals),
            ignored=sum(each.ignored for each in parts),
        )

    @classmethod
    def refused(cls, error: Exception, *, name: str) -> Self:
        """Something that is called by this name, or by its place in the event, and can't be copied."""
        return cls(refusals=(Refusal.of(error, item=name, key=name),))


IGNORED = Content(ignored=1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; what is sent again has the same source and identifier."""

    source: str
    identifier: str
    #: When it came about, where it says so.
    at: datetime | None
    content: Content
