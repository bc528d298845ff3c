"""What comes by itself: what ``datasets.toml`` says of it in a dataset's table ``events``."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.model.access import AzureSource, Source
from shared.model.event_access import EventAccess

#: As long as a host's trouble is borne with: after that a deferral ends anyway.
_LONGEST_GRACE = timedelta(hours=24)


class EventFormat(StrEnum):
    """How an event is written."""

    #: https://learn.microsoft.com/azure/event-grid/event-schema
    EVENT_GRID = "event_grid"
    #: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
    CLOUD_EVENTS = "cloud_events"
    #: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    SNS = "sns"
    #: An item or an item collection, as it is.
    STAC = "stac"
    #: ``{"assets": [{"url": "https://…", "size": 9}]}``.
    LIST = "list"


class Events(BaseModel):
    """Which events are taken, and from whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    accepts: Annotated[tuple[EventFormat, ...], Field(min_length=1)]
    """event_grid, cloud_events, sns, stac, list: how events may be written. What the first three carry may be a STAC
    item, an item collection, a list, or a file that was written to one of these:"""
    accounts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")], ...] = ()
    """Storage accounts whose blobs are copied when they are written; the blobs of any other are refused."""
    buckets: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")], ...] = ()
    """Buckets of S3 whose objects are copied when they are written; the objects of any other are refused."""
    not_found_grace: Annotated[timedelta, Field(ge=timedelta(), le=_LONGEST_GRACE)] = timedelta(minutes=10)
    """How long an event's file that isn't there yet (404, 410) is waited for: PT10M, or seconds; a day at most."""
    max_assets: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Assets that one call may ask for; who has more makes a manifest of them."""
    auth: EventAccess
    """Who may send events, and how that is known."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        """A notification of SNS is signed, and nothing else is."""
        if (self.auth.kind == "sns") != (EventFormat.SNS in self.accepts) or (
            self.auth.kind == "sns" and len(self.accepts) > 1
        ):
            raise ValueError("accepts = ['sns'] and auth.kind = 'sns' go together, and without any other format")
        return self

    def check(self, *, source: Source) -> None:
        """Raise ValueError unless what is watched can be read by this source."""
        if self.buckets and "s3" not in source.schemes:
            raise ValueError("events.buckets: they are read by a source of kind s3; state one in source")
        others = sorted({*self.accounts} - {*source.accounts}) if isinstance(source, AzureSource) else []
        if others:
            raise ValueError(f"events.accounts: {others[0]!r} isn't in the source's accounts; add it there")

    def asks(self, source: Source) -> tuple[str, ...]:
        """Hosts that a copy asks because of these events, beside those that its source asks."""
        return () if isinstance(source, AzureSource) else tuple(blob_host(each) for each in self.accounts)


def blob_host(account: str) -> str:
    """The host of an account's blobs."""
    return f"{account}.blob.core.windows.net"
