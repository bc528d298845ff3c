"""The messages on our queues. Each is untrusted when it arrives: whoever can write to a queue can write anything.

No field at top level is called like one of the queue trigger's own (id, dequeueCount, insertionTime, expirationTime,
nextVisibleTime, popReceipt, queueTrigger): the host lets a body's fields override the trigger's metadata
(https://github.com/Azure/azure-functions-python-worker/issues/1373).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.model.assets import Asset, bucket
from shared.model.assets import Identity as ItemName
from shared.model.caps import Spent
from shared.model.errors import MalformedRequestError, RequestTooLargeError
from shared.model.names import DatasetName
from shared.model.traces import Traceparent, well_formed
from shared.model.windows import Window

#: A message has at most 64 KiB in Base64; 48 KiB before it, of which a reason may take the last 8.
MAX_REQUEST_BYTES = 40 * 1024
MAX_MESSAGE_BYTES = 48 * 1024
MAX_ASSETS = 100

type Version = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Queue(StrEnum):
    """The queues that our functions listen to."""

    DISCOVER = "discover"
    COPY = "copy"
    COPY_LIVE = "copy-live"
    COPY_LATER = "copy-later"
    PUBLISH = "publish"

    @property
    def poison(self) -> str:
        """The queue for what failed for good; the runtime gives it this name."""
        return f"{self.value}-poison"


LANES = (Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER)


class Message(BaseModel):
    """What every message has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    dataset: DatasetName
    #: How often it was put off, and since when.
    deferrals: Annotated[int, Field(ge=0)] = 0
    deferred_since: AwareDatetime | None = None
    reason: "Reason | None" = None
    #: The span that sent it, where tracing is on (W3C Trace Context); an older version of the app refuses the field.
    #: It goes with whatever is sent again, so that all tries are siblings. One that is malformed is as good as none: no
    #: work is lost over it.
    traceparent: Annotated[Traceparent | None, BeforeValidator(well_formed)] = None

    def encode(self) -> str:
        """The message's body as it is sent, before Base64."""
        return self.model_dump_json(exclude_none=True, exclude_defaults=False)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body; raises MalformedRequestError, which names the field and what stands there."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            field = ".".join(str(each) for each in first["loc"]) or "the whole body"
            found = repr(first["input"])[:80]
            raise MalformedRequestError(f"{field}: {first['msg']}, found {found}") from error


class Reason(BaseModel):
    """Why a message stands in a poison queue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: The class of the error.
    error: str
    #: Redacted and cut.
    message: Annotated[str, Field(max_length=4096)]
    at: AwareDatetime


class PageRequest(Message):
    """One page of a run, or one part of it."""

    kind: Literal["page"] = "page"
    run: Annotated[str, Field(min_length=1, max_length=64)]
    #: A run begun again from its first page, from 1.
    pass_number: Annotated[int, Field(ge=1)] = 1
    page: Annotated[int, Field(ge=0)] = 0
    part: Annotated[int, Field(ge=0)] = 0
    token: str | None = None
    #: The part of the run's window that this page is of, where the catalog can't list all of it; None: all of it.
    window: Window | None = None
    #: The page that this window began with.
    window_page: Annotated[int, Field(ge=0)] = 0
    #: The parts that come after it, in their order.
    later: tuple[Window, ...] = ()
    #: How many windows before had more than the catalog lists, and couldn't be split.
    capped: Annotated[int, Field(ge=0)] = 0
    #: What the run has asked for before, where its dataset caps runs.
    spent: Spent | None = None
    #: A plan's page counts and asks for nothing. Left out of a run's: an older version knows no such field.
    is_plan: Annotated[bool, Field(exclude_if=lambda is_plan: not is_plan)] = False


class ItemVersion(BaseModel):
    """An item that is to be published, as discovery selected it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: ItemName
    #: Its document's digest, in hex: what the document is kept under.
    version: Version
    #: How many assets it has.
    assets: Annotated[int, Field(ge=1)]


class CopyRequest(Message):
    """One or several assets to copy: of one item, or of items in one partition of the ledger."""

    kind: Literal["copy"] = "copy"
    #: The run or event that asked; kept by re-send, split and redrive.
    cause: Annotated[str, Field(min_length=1, max_length=64)]
    #: When that run or event began.
    asked_at: AwareDatetime
    assets: Annotated[tuple[Asset, ...], Field(min_length=1, max_length=MAX_ASSETS)]
    #: How many blocks stood staged when it was sent again unfinished.
    staged_blocks: Annotated[int, Field(ge=0)] | None = None
    #: Those of its items that are to be published.
    items: Annotated[tuple[ItemVersion, ...], Field(exclude_if=lambda items: not items)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        """One transaction holds the ledger rows of a request."""
        if len({bucket(each.item) for each in self.assets}) != 1:
            raise ValueError("the assets lie in several partitions of the ledger")
        if len({each.identity for each in self.assets}) != len(self.assets):
            raise ValueError("an asset stands twice in the request")
        return self

    def of(self, assets: Iterable[Asset]) -> Self:
        """The same request for some of its assets, and the items of those."""
        some = tuple(assets)
        names = {each.item for each in some}
        items = tuple(each for each in self.items if each.item in names)
        return self.model_copy(update={"assets": some, "items": items})


class PublishRequest(Message):
    """An item that may be whole."""

    kind: Literal["publish"] = "publish"
    item: ItemName
    version: Version
    #: When the run or event began that asked for its assets.
    asked_at: AwareDatetime


def fitting(request: CopyRequest) -> list[CopyRequest]:
    """Split a request until each part fits into a message; raises RequestTooLargeError for an asset that can't."""
    if len(request.encode().encode()) <= MAX_REQUEST_BYTES:
        return [request]
    if len(request.assets) == 1:
        raise RequestTooLargeError(f"asset {request.assets[0].key[:200]!r} doesn't fit into a message of 40 KiB")
    middle = len(request.assets) // 2
    return [part for half in _halves(request.assets, middle) for part in fitting(request.of(half))]


def _halves(assets: Sequence[Asset], middle: int) -> tuple[Sequence[Asset], Sequence[Asset]]:
    return assets[:middle], assets[middle:]
