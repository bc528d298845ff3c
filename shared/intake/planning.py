"""What is asked for because of a body: planned as a page of a catalog is, one page for each of its events."""

import dataclasses
from collections.abc import Mapping

from shared.intake.event import Event, too_many
from shared.intake.files import Watched
from shared.intake.formats import read_events
from shared.model.causes import Cause
from shared.model.items import Page, PlannedPage, Refusal
from shared.model.selection import plan_page


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One event, and what it asks for."""

    cause: Cause
    #: What its sender calls it.
    identifier: str
    listed: Page
    page: PlannedPage
    refusals: tuple[Refusal, ...]
    ignored: int

    @property
    def assets(self) -> int:
        """How many assets it asks for."""
        return sum(len(each.assets) for each in self.page.items)


def plan(body: bytes, headers: Mapping[str, str], *, name: str, watched: Watched) -> list[Planned]:
    """Plan a body's events, whose sender is known; raises MalformedEventError and EventTooLargeError."""
    most = watched.events.max_assets
    events = read_events(body, headers, accepts=watched.events.accepts, watched=watched)
    planned = [_planned(each, name=name, watched=watched) for each in events]
    count = sum(each.assets + len(each.refusals) for each in planned)
    if count > most:
        raise too_many(f"{count} assets", most=most)
    return planned


def _planned(event: Event, *, name: str, watched: Watched) -> Planned:
    # A time that is still to come would make everything older that is said until then.
    at = min(event.at or watched.now, watched.now)
    listed = Page(items=event.content.items, refusals=event.content.refusals, next_token=None)
    page, refusals = plan_page(listed, dataset_name=name, dataset=watched.dataset, capacity=watched.events.max_assets)
    return Planned(
        cause=Cause.of_event(name, source=event.source, identifier=event.identifier, at=at),
        identifier=event.identifier,
        listed=listed,
        page=page,
        refusals=refusals,
        ignored=event.content.ignored + page.filtered,
    )
