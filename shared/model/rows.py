"""What the tables hold: completions, failures, runs, and the day's activity (counts of runs: ``counts``)."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shared.model.assets import Asset
from shared.model.causes import Cause
from shared.model.windows import TimeProperty, Window


class _Row(BaseModel):
    # What a newer version writes beside: two versions work at once while one is deployed.
    model_config = ConfigDict(frozen=True, extra="ignore")


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
    #: The description that was asked for, where the catalog has this one now and the bytes agree with this one alone.
    instead_of: str | None = None
    #: The run or event that asked.
    cause: str
    completed_at: AwareDatetime

    def stands_for(self, asset: Asset, *, asked_at: AwareDatetime) -> bool:
        """Tell whether this row is what a description asks for, or stands for a newer one."""
        return self.description == asset.description or asset.described_at(asked_at) < self.described_at

    def settles(self, asset: Asset, *, cause: str, asked_at: AwareDatetime) -> bool:
        """Tell whether a request needs nothing more: this is its own work, or stands for a newer description."""
        if (self.cause, self.instead_of) == (cause, asset.description):
            return True
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
    #: What the source, or the storage, calls the last attempt's request in its own log, where it said so.
    request_id: str | None = None
    attempts: Annotated[int, Field(ge=1)] = 1
    first_at: AwareDatetime
    last_at: AwareDatetime

    def is_over(self, row: LedgerRow | None) -> bool:
        """Tell whether the asset was copied since, by its row in the ledger."""
        return row is not None and row.completed_at > self.last_at


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    #: Every page was asked for, and the counts add up.
    COMPLETE = "complete"
    #: Every page was asked for, and the counts don't add up; how, stands in the run.
    INCOMPLETE = "incomplete"
    #: A page can't ever be read; the reason stands in the run.
    FAILED = "failed"
    #: Somebody ended it; what was sent by then is copied all the same.
    CANCELLED = "cancelled"
    #: It reached its dataset's caps, and the next run goes on; which and where, stands in the run.
    CAPPED = "capped"


class RunKind(StrEnum):
    """What a run asks its catalog for."""

    #: Everything; or a window of the items' own time that somebody asked for.
    FULL = "full"
    #: What is new since the watermark.
    INCREMENTAL = "incremental"
    #: What a full run would, but nothing is asked for: it counts.
    PLAN = "plan"


class Run(_Row):
    """The newest run of a dataset."""

    dataset: str
    run: str
    state: RunState = RunState.RUNNING
    pass_number: int = 1
    kind: RunKind = RunKind.FULL
    window: Window = Window()
    #: Which of the items' times the window is of.
    by: TimeProperty = TimeProperty.DATETIME
    #: Who asked: ``schedule`` or ``request``.
    trigger: str
    began_at: AwareDatetime
    progress_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    #: When the schedule last began a run: this one or one before.
    scheduled_at: AwareDatetime | None = None
    #: When the schedule last began a full run.
    full_at: AwareDatetime | None = None
    #: Since when its next page waits, and why.
    withheld_since: AwareDatetime | None = None
    withheld_because: str | None = None
    reason: str | None = None
    #: Up to when runs before this one had read everything.
    whole_before: AwareDatetime | None = None

    @property
    def cause(self) -> Cause:
        """What its requests say of who asks."""
        return Cause(dataset=self.dataset, name=self.run, asked_at=self.began_at)

    @property
    def is_of_all(self) -> bool:
        """Whether it asks for everything."""
        return self.kind is RunKind.FULL and self.window.interval is None

    @property
    def whole_at(self) -> AwareDatetime | None:
        """Up to when this run, or else one before it, has read everything."""
        # What came later than the run began may have come behind its pages.
        return self.began_at if self.state is RunState.COMPLETE and self.is_of_all else self.whole_before


class Hold(_Row):
    """What keeps all pages of a dataset waiting, beside the queue; without any of it nothing does."""

    dataset: str
    #: Since when it is paused, and who did it.
    paused_since: AwareDatetime | None = None
    paused_by: str | None = None
    #: Until when copies were put off for their host's trouble: a hint, which costs time only where it is wrong.
    deferred_until: AwareDatetime | None = None
    deferred_because: str | None = None
    #: Since when, without a pause that is worth the name, and which host.
    deferred_since: AwareDatetime | None = None
    deferred_host: str | None = None

    @property
    def is_paused(self) -> bool:
        """Whether it stands until somebody resumes the dataset."""
        return self.paused_since is not None

    def is_deferred(self, now: AwareDatetime) -> bool:
        """Tell whether copies wait for their host."""
        return self.deferred_until is not None and now < self.deferred_until


class Watermark(_Row):
    """Up to when a dataset was read whole, by a property of its items."""

    dataset: str
    by: TimeProperty
    at: AwareDatetime
    #: The run that was complete.
    run: str


class LaneCounts(_Row):
    """How many messages stood in each queue at a moment; for display only."""

    at: AwareDatetime
    #: By queue, visible and hidden.
    outstanding: dict[str, int]


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
