"""What asks for copies: a run, an event, a census, or somebody."""

import dataclasses
import hashlib
import json
from datetime import datetime
from typing import Self

#: What the names of events begin with; a run's id begins with its time.
_EVENT = "event-"
#: And those of censuses that ask again for what they found wrong.
_CENSUS = "census-"
#: And those of people who ask for single items and files.
_ASKED = "asked-"
_DIGITS = 40


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who asks for a dataset's assets, and since when."""

    dataset: str
    #: A run's id, or an event's name: what requests, rows and blobs call it.
    name: str
    #: When the run began, or the event came about.
    asked_at: datetime

    @classmethod
    def of_event(cls, dataset: str, *, source: str, identifier: str, at: datetime) -> Self:
        """The same name for the same event, however often it is sent, and another one for any other.

        An identifier is its source's own: two sources may use the same one.
        """
        digest = hashlib.sha256(json.dumps([source, identifier]).encode()).hexdigest()
        return cls(dataset=dataset, name=f"{_EVENT}{digest[:_DIGITS]}", asked_at=at)

    @classmethod
    def of_census(cls, dataset: str, *, identifier: str, at: datetime) -> Self:
        """The cause of what a census asks for again."""
        return cls(dataset=dataset, name=f"{_CENSUS}{identifier}", asked_at=at)

    @classmethod
    def of_somebody(cls, dataset: str, *, identifier: str, at: datetime) -> Self:
        """The cause of what somebody asks for by name."""
        return cls(dataset=dataset, name=f"{_ASKED}{identifier}", asked_at=at)

    @property
    def is_event(self) -> bool:
        """Tell an event from a run."""
        return is_event(self.name)


def is_event(name: str) -> bool:
    """Tell whether a cause of this name is an event."""
    return name.startswith(_EVENT)


def is_census(name: str) -> bool:
    """Tell whether a cause of this name is a census: it has seen that ledger and blob don't agree."""
    return name.startswith(_CENSUS)
