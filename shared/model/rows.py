"""What the tables hold: completions, failures, runs and their counts, and the day's activity."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shared.model.assets import Asset
from shared.model.windows import Window


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerRow(_Row):
    """A completion, and only that: this asset, as the catalog described it, is at that blob."""

    dataset: str
    item: str
    key: str
    #: Unsigned.
    href: str
    container: str
    blob: str
    etag: str
    #: Bytes.
    length: int
    #: What the blob was verified by: ``sha256:…``, ``md5:…``, in the order in which they were computed.
    digests: tuple[str, ...]
    #: The checksum that the catalog stated and the bytes had, or why there was none.
    verified_by: str
    #: The source's strong validator (its ETag, or its Last-Modified and length), where it had one.
    validator: str | None = None
    #: Which description of the asset this stands for, and how new that is.
    description: str
    described_at: AwareDatetime
    #: The run or event that asked.
    cause: str
    completed_at: AwareDatetime

    def stands_for(self, asset: Asset, *, asked_at: AwareDatetime) -> bool:
        """Tell whether this row is what a description asks for, or stands for a newer one."""
        return self.description == asset.description or asset.described_at(asked_at) < self.described_at

    def settles(self, asset: Asset, *, cause: str, asked_at: AwareDatetime) -> bool:
        """Tell whether a request needs nothing more: this is its own work, or stands for a newer description."""
        return self.stands_for(asset, asked_at=asked_at) and (
            self.cause == cause or self.description != asset.description
        )


class Failure(_Row):
    """The last failure of an asset, for people: nothing decides by it."""

    dataset: str
    item: str
    key: str
    href: str
    #: The class of the error, its fate, and its redacted text.
    error: str
    fate: str
    message: Annotated[str, Field(max_length=4096)]
    host: str
    cause: str
    attempts: Annotated[int, Field(ge=1)] = 1
    first_at: AwareDatetime
    last_at: AwareDatetime


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    #: Every page was asked for.
    COMPLETE = "complete"
    #: A page can't ever be read; the reason stands in the run.
    FAILED = "failed"


class Run(_Row):
    """The newest run of a dataset."""

    dataset: str
    run: str
    state: RunState = RunState.RUNNING
    pass_number: int = 1
    window: Window = Window()
    #: Who asked: ``schedule`` or ``request``.
    trigger: str
    began_at: AwareDatetime
    progress_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    #: When the schedule last began a run: this one or one before.
    scheduled_at: AwareDatetime | None = None
    #: Since when its next page waits, and why.
    withheld_since: AwareDatetime | None = None
    withheld_because: str | None = None
    reason: str | None = None


class PartCounts(_Row):
    """What one part of one page came to, in assets but for the page's items; a redelivery writes the same numbers."""

    #: Items of the page (stated by its first part, else 0).
    available: int = 0
    filtered: int = 0
    refused: int = 0
    #: Assets asked for, and those that were there as described.
    sent: int = 0
    already: int = 0
    #: Its next page or part was sent, or there was none.
    done: bool = False

    def plus(self, other: "PartCounts") -> Self:
        """Both together."""
        names = ("available", "filtered", "refused", "sent", "already")
        total = {name: getattr(self, name) + getattr(other, name) for name in names}
        return self.model_copy(update=total)


class Activity(_Row):
    """What was copied in a day, by one process or by all; for display only."""

    assets: int = 0
    bytes: int = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.assets < 0 or self.bytes < 0:
            raise ValueError("activity only grows")
        return self

    def plus(self, other: "Activity") -> "Activity":
        """Both together."""
        return Activity(assets=self.assets + other.assets, bytes=self.bytes + other.bytes)
