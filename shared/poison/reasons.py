"""Why the runtime put a message aside: it says nothing of it, so the reason comes from what attempts left behind."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from shared.model.advice import NEVER_STARTED, NOT_RECORDED, RUN_FAILED
from shared.model.assets import Asset
from shared.model.errors import MalformedRequestError
from shared.model.messages import MAX_MESSAGE_BYTES, CopyRequest, Message, PageRequest, PublishRequest, Queue, Reason
from shared.model.rows import Failure
from shared.redaction import cut
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.mailbox import Received, encoded
from shared.storage.runs import Runs

#: Of a reason that travels with a request of 40 KiB: at four bytes a character, both fit into a message.
_REASON_LENGTH = 1900
_KEY_LENGTH = 200
_REQUESTS: Mapping[Queue, type[Message]] = MappingProxyType(
    {Queue.DISCOVER: PageRequest, Queue.PUBLISH: PublishRequest}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A message as it is to be sent again."""

    #: As it goes over the wire.
    text: str
    #: What it asks for, with its reason; None if it isn't one of ours.
    request: Message | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Finds the reason of a message that the runtime poisoned."""

    failures: Failures
    ledger: Ledger
    runs: Runs

    async def explained(self, received: Received, *, queue: Queue) -> Explained:
        """The message with its reason if it is one of ours and has none yet, any other as it is.

        Raises StorageFailedError.
        """
        request = _request(received, queue=queue)
        if request is None or request.reason is not None:
            return Explained(text=received.text, request=request)
        return _with(request, await self._reason(request, at=received.inserted_at), text=received.text)

    async def _reason(self, request: Message, *, at: datetime) -> Reason:
        """``at``: when the runtime put the request aside."""
        match request:
            case CopyRequest():
                return await self._of_copy(request) or _never_started(at)
            case PageRequest():
                return await self._of_page(request) or _never_started(at)
            case _:
                # Publishing that fails is retried, and leaves a row nowhere.
                said = f"why its attempts failed stands in the log alone, shortly before {at.isoformat()}"
                return Reason(error=NOT_RECORDED, message=said, at=at)

    async def _of_copy(self, request: CopyRequest) -> Reason | None:
        """The failure of the first of its assets that has one."""
        rows = await self.ledger.of(request.dataset, [each.identity for each in request.assets])

        async def failure(asset: Asset) -> Failure | None:
            return await self.failures.of(request.dataset, asset.item, asset.key)

        failures = await each_of(request.assets, failure)
        for asset, each in zip(request.assets, failures, strict=True):
            entry = rows.get(asset.identity)
            # One from before it was asked for is another request's.
            if each and each.last_at >= request.asked_at and not each.is_over(entry.row if entry else None):
                which = f"{cut(asset.key, _KEY_LENGTH)}: " if len(request.assets) > 1 else ""
                return Reason(error=each.error, message=cut(which + each.message, _REASON_LENGTH), at=each.last_at)
        return None

    async def _of_page(self, request: PageRequest) -> Reason | None:
        """The one that its run ended with: discovery writes it at the last delivery of a page."""
        entry = await self.runs.newest(request.dataset)
        if entry is None or entry.run.run != request.run or not entry.run.reason:
            return None
        run = entry.run
        name, found, message = (run.reason or "").partition(": ")
        if not found or not name.isidentifier():
            name, message = RUN_FAILED, run.reason or ""
        return Reason(error=name, message=cut(message, _REASON_LENGTH), at=run.ended_at or run.progress_at)


def _request(received: Received, *, queue: Queue) -> Message | None:
    """What a message of a queue asks for; None if it isn't one of ours."""
    if not received.is_base64:
        return None
    try:
        return _REQUESTS.get(queue, CopyRequest).decode(received.body)
    except MalformedRequestError:
        return None


def _never_started(at: datetime) -> Reason:
    said = "no attempt at it left a failure: its worker died each time, or the app couldn't start"
    return Reason(error=NEVER_STARTED, message=said, at=at)


def _with(request: Message, reason: Reason, *, text: str) -> Explained:
    """The request with its reason, cut until both fit into a message; as it was where none of it does."""
    message = reason.message
    while True:
        explained = request.model_copy(update={"reason": reason.model_copy(update={"message": message})})
        body = explained.encode()
        if len(body.encode()) <= MAX_MESSAGE_BYTES:
            return Explained(text=encoded(body), request=explained)
        if not message:
            return Explained(text=text, request=request)
        message = cut(message, len(message) // 2)
