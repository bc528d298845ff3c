"""A poison message as people need it: what it asks for, why it failed, and what to do about it."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.model.assets import Asset
from shared.model.errors import MalformedRequestError, advice_of
from shared.model.hrefs import host_of
from shared.model.messages import LANES, CopyRequest, PageRequest, PublishRequest, Queue, Reason
from shared.model.rows import Failure, LedgerRow
from shared.poison.choosing import Traits
from shared.poison.reasons import Reasons
from shared.redaction import redacted, told
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.mailbox import Received

type Request = CopyRequest | PageRequest | PublishRequest

_POISON = "-poison"
#: What each queue carries: its function reads nothing else.
_CARRIED: Mapping[Queue, type[CopyRequest] | type[PageRequest] | type[PublishRequest]] = {
    Queue.DISCOVER: PageRequest,
    Queue.PUBLISH: PublishRequest,
    **dict.fromkeys(LANES, CopyRequest),
}
_NOT_BASE64 = "it isn't in Base64, so no function can read it: a redrive sends it as it ought to be"
_OF_A_PAGE = (
    "a page does nothing where its run is over, as one is that failed by this page: `sluice discover {dataset}` begins "
    "another"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an asset that a message asks for."""

    asset: Asset
    #: Its last failure, unless it was copied since.
    failure: Failure | None
    #: Its completion, where nothing is left to do.
    row: LedgerRow | None

    @property
    def fact(self) -> "AssetFact":
        """All of it, to be shown."""
        asset, failure = self.asset, self.failure
        return AssetFact(
            item=asset.item,
            key=asset.key,
            href=asset.href,
            host=host_of(asset.href),
            name=asset.name,
            error=failure.error if failure else None,
            message=failure.message if failure else None,
            attempts=failure.attempts if failure else None,
            first_at=failure.first_at if failure else None,
            last_at=failure.last_at if failure else None,
            copied_at=self.row.completed_at if self.row else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A poison message, read."""

    received: Received
    #: Whose poison it is.
    queue: Queue
    #: None: junk, which the queue's function can't read.
    request: Request | None
    #: What is known of each of its assets.
    known: Sequence["Known"]
    reason: Reason

    @property
    def assets(self) -> Sequence[Asset]:
        """What is to be copied."""
        return self.request.assets if isinstance(self.request, CopyRequest) else ()

    @property
    def items(self) -> Sequence[str]:
        """The items that it is about, each once."""
        if isinstance(self.request, PublishRequest):
            return (self.request.item,)
        return tuple(dict.fromkeys(each.item for each in self.assets))

    @property
    def hosts(self) -> Sequence[str]:
        """The hosts of its assets, each once."""
        return tuple(dict.fromkeys(host_of(each.href) for each in self.assets))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.received.body.decode("utf-8", "backslashreplace")

    @property
    def traits(self) -> Traits:
        """What it is chosen by."""
        return Traits(
            dataset=self.request.dataset if self.request else None,
            items=self.items,
            hosts=self.hosts,
            error=self.reason.error,
            failed_at=self.reason.at,
            texts=(self.text, self.reason.message, self.received.id),
        )

    @property
    def note(self) -> str | None:
        """What is to be known before it is sent back."""
        return _OF_A_PAGE.format(dataset=self.request.dataset) if isinstance(self.request, PageRequest) else None

    @property
    def fact(self) -> "PoisonFact":
        """All of it, to be shown."""
        received, request = self.received, self.request
        return PoisonFact(
            queue=self.queue.poison,
            id=received.id,
            kind=request.kind if request else None,
            dataset=request.dataset if request else None,
            cause=_cause(request),
            items=tuple(self.items),
            assets=tuple(each.fact for each in self.known),
            error=self.reason.error,
            message=redacted(self.reason.message),
            failed_at=self.reason.at,
            advice=advice_of(self.reason.error),
            note=self.note,
            inserted_at=received.inserted_at,
            expires_at=received.expires_at if received.expires else None,
            deliveries=received.deliveries,
            is_base64=received.is_base64,
            body=redacted(self.text),
        )


class AssetFact(BaseModel):
    """An asset of a poison message, and what its last failure says."""

    model_config = ConfigDict(frozen=True)

    item: str
    key: str
    href: str
    host: str
    #: The blob's name.
    name: str
    #: Its last failure: None where it never failed, or was copied since.
    error: str | None
    message: str | None
    attempts: int | None
    first_at: datetime | None
    last_at: datetime | None
    #: None: not yet as it was asked for.
    copied_at: datetime | None


class PoisonFact(BaseModel):
    """A poison message, to be shown: without secrets."""

    model_config = ConfigDict(frozen=True)

    queue: str
    id: str
    #: None: junk.
    kind: Literal["copy", "page", "publish"] | None
    dataset: str | None
    #: The run or event that asked.
    cause: str | None
    items: tuple[str, ...]
    assets: tuple[AssetFact, ...]
    error: str
    message: str
    failed_at: datetime
    #: What to do about an error of this class.
    advice: str
    #: What is to be known before it is sent back.
    note: str | None
    inserted_at: datetime
    #: None: never.
    expires_at: datetime | None
    deliveries: int
    #: Whether the host can decode it.
    is_base64: bool
    body: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Reads poison messages, and why they failed."""

    reasons: Reasons
    failures: Failures
    ledger: Ledger

    async def read(self, received: Received) -> Poison:
        """Never raises for what stands in a message; raises StorageFailedError."""
        queue = Queue(received.queue.removesuffix(_POISON))
        try:
            request = _CARRIED[queue].decode(received.body)
        except MalformedRequestError as error:
            request, reason = None, _refused(told(error), at=received.inserted_at)
        else:
            explained = (await self.reasons.explained(received, queue=queue)).request
            reason = explained.reason if explained else None
        return Poison(
            received=received,
            queue=queue,
            request=request,
            known=await self._known(request) if isinstance(request, CopyRequest) else (),
            reason=reason or _refused(_NOT_BASE64, at=received.inserted_at),
        )

    async def _known(self, request: CopyRequest) -> Sequence[Known]:
        rows = await self.ledger.of(request.dataset, [each.identity for each in request.assets])

        async def known(asset: Asset) -> Known:
            entry = rows.get(asset.identity)
            row = entry.row if entry else None
            failure = await self.failures.of(request.dataset, asset.item, asset.key)
            is_over = failure is None or failure.is_over(row)
            is_done = row is not None and row.stands_for(asset, asked_at=request.asked_at)
            return Known(asset=asset, failure=None if is_over else failure, row=row if is_done else None)

        return await each_of(request.assets, known)


def _refused(why: str, *, at: datetime) -> Reason:
    return Reason(error=MalformedRequestError.__name__, message=why, at=at)


def _cause(request: Request | None) -> str | None:
    match request:
        case CopyRequest():
            return request.cause
        case PageRequest():
            return request.run
        case _:
            return None
