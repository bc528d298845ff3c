"""What becomes of a failure: retried by the runtime, deferred, sent again to go on, or poisoned with its reason."""

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.copying.hints import Hints
from shared.model.assets import Asset
from shared.model.deferral import deferral, patience_is_over
from shared.model.errors import (
    Fate,
    HostBusyError,
    MalformedRequestError,
    SluiceError,
    SourceThrottledError,
    UnfinishedError,
    fate_of,
)
from shared.model.hrefs import host_of
from shared.model.messages import CopyRequest, Queue, Reason
from shared.model.rows import Failure
from shared.redaction import cut, redacted, told
from shared.storage.failures import Failures
from shared.storage.queues import NOW, Queues, refuse

logger = logging.getLogger(__name__)

#: What is put off for longer leaves the lane: a slow host must not look like a full queue.
_LATER_FROM = timedelta(seconds=60)
#: Characters of a reason in a message, where four bytes each have to fit into the last 8 of 48 KiB.
_REASON_LENGTH = 1900
#: Longer than any; a server may send whatever it likes.
_REQUEST_ID_LENGTH = 256


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """Acts on failures, in one place, after they were written to the failures table."""

    queues: Queues
    failures: Failures
    #: Tell discovery of a host that is in trouble.
    hints: Hints
    clock: Callable[[], datetime]
    #: Uniform in [0, 1).
    chance: Callable[[], float]

    async def settle(self, request: CopyRequest, failed: Mapping[Asset, Exception], *, lane: Queue) -> None:
        """Give each failed asset of a request its fate.

        Where all that is left of the request is worth a retry, raises the first error, so that the runtime retries,
        counts and poisons. Otherwise every part is sent as a request of its own before this returns.
        """
        if len(failed) < len(request.assets):
            await self.hints.went_well(request.dataset)
        if not failed:
            return
        fates = {asset: self._fate(request, error) for asset, error in failed.items()}
        await self._record(request, failed, fates=fates)
        by_fate: defaultdict[Fate, dict[Asset, Exception]] = defaultdict(dict)
        for asset, error in failed.items():
            by_fate[fates[asset]][asset] = error
        if set(by_fate) == {Fate.RETRY}:
            raise next(iter(failed.values()))
        await self._poison(request, by_fate[Fate.POISON], lane=lane)
        await self._defer(request, by_fate[Fate.DEFER], lane=lane)
        await self._resend(request, by_fate[Fate.RESEND], lane=lane)
        if by_fate[Fate.RETRY]:
            await self.queues.send(lane, request.of(by_fate[Fate.RETRY]).encode())

    async def refuse(self, body: bytes, error: MalformedRequestError, *, lane: Queue) -> None:
        """Put a message that isn't one of ours aside."""
        await refuse(body, error, queue=lane, queues=self.queues)

    def _fate(self, request: CopyRequest, error: Exception) -> Fate:
        fate = fate_of(error)
        over = fate is Fate.DEFER and patience_is_over(error, request.deferred_since, now=self.clock())
        return Fate.RETRY if over else fate

    async def _record(
        self, request: CopyRequest, failed: Mapping[Asset, Exception], *, fates: Mapping[Asset, Fate]
    ) -> None:
        now = self.clock()
        rows = [
            Failure(
                dataset=request.dataset,
                item=asset.item,
                key=asset.key,
                href=asset.href,
                error=type(error).__name__,
                fate=fates[asset],
                message=told(error),
                host=host_of(asset.href),
                cause=request.cause,
                request_id=_request_id(error),
                first_at=now,
                last_at=now,
            )
            for asset, error in failed.items()
        ]
        await self.failures.record(rows)
        for row in rows:
            fields = row.model_dump(include={"dataset", "item", "key", "error", "fate", "host", "cause"})
            logger.warning("copy failed", extra={"action": "copy_failed", "reason": row.message, **fields})

    async def _poison(self, request: CopyRequest, failed: Mapping[Asset, Exception], *, lane: Queue) -> None:
        """One message for each asset, with its own reason: so each can be mended and sent back by itself."""
        for asset, error in failed.items():
            reason = Reason(error=type(error).__name__, message=told(error, limit=_REASON_LENGTH), at=self.clock())
            poison = request.of([asset]).model_copy(update={"reason": reason})
            await self.queues.send(lane.poison, poison.encode())

    async def _defer(self, request: CopyRequest, failed: Mapping[Asset, Exception], *, lane: Queue) -> None:
        if not failed:
            return
        put_off = deferral(
            request.deferrals,
            request.deferred_since,
            errors=failed.values(),
            now=self.clock(),
            chance=self.chance(),
        )
        delay = put_off.delay
        later = request.of(failed).model_copy(update=put_off.carried)
        await self.queues.send(Queue.COPY_LATER if delay > _LATER_FROM else lane, later.encode(), delay=delay)
        until = self.clock() + delay
        await self.hints.deferred(request.dataset, failed.values(), until=until, host=_host_in_trouble(failed))

    async def _resend(self, request: CopyRequest, failed: Mapping[Asset, Exception], *, lane: Queue) -> None:
        """One message for each asset: each has its own progress."""
        for asset, error in failed.items():
            staged = error.staged_blocks if isinstance(error, UnfinishedError) else None
            rest = request.of([asset]).model_copy(update={"staged_blocks": staged})
            await self.queues.send(lane, rest.encode(), delay=NOW)


def _host_in_trouble(failed: Mapping[Asset, Exception]) -> str | None:
    """The host that asks for patience, else the first that gives nothing; None: our own limits are in the way."""
    theirs = {asset: error for asset, error in failed.items() if not isinstance(error, HostBusyError)}
    throttled = [asset for asset, error in theirs.items() if isinstance(error, SourceThrottledError)]
    return next((host_of(each.href) for each in (*throttled, *theirs)), None)


def _request_id(error: Exception) -> str | None:
    said = error.request_id if isinstance(error, SluiceError) else None
    return cut(redacted(said), _REQUEST_ID_LENGTH) if said else None
