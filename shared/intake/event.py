"""What an event comes to, however it was written."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from shared.model.errors import EventTooLargeError
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


def within[T: (Content, Event)](parts: Iterable[T], *, most: int) -> list[T]:
    """All of them; raises EventTooLargeError once more of it is refused than one call may ask for.

    A body of a megabyte has room for half a million entries that are none: read to its end, 4 s and 260 MB.
    """
    taken: list[T] = []
    refused = 0
    for part in parts:
        content = part.content if isinstance(part, Event) else part
        refused += len(content.refusals)
        if refused > most:
            raise too_many(f"{refused} assets or more", most=most)
        taken.append(part)
    return taken


def too_many(assets: str, *, most: int) -> EventTooLargeError:
    """The error of a call with so many assets."""
    return EventTooLargeError(
        f"{assets} in one call, and events.max_assets is {most}: send fewer, or make a manifest of them"
    )
