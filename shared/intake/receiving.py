"""An event becomes copy requests, and is answered once a queue has taken them."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.intake.calls import Call, Handshake
from shared.intake.files import Watched
from shared.intake.guards import Guards
from shared.intake.planning import Planned, plan
from shared.model.datasets import Datasets
from shared.model.errors import EventsNotTakenError
from shared.model.items import Refusal
from shared.model.messages import CopyRequest, Queue
from shared.redaction import cut, redacted
from shared.requesting import Documents, copy_requests, failure_of
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)

#: Of a reason that its sender is told; all of it stands in the failures table.
_TOLD_LENGTH = 300
#: Events of one call that the log names.
_MOST_NAMED = 10


class Refused(BaseModel):
    """Something that was asked for and can't be copied; it stands in the failures table, too."""

    model_config = ConfigDict(frozen=True)

    item: str
    key: str
    error: str
    message: str

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        """A refusal as whoever asked is told of it."""
        return cls(
            item=redacted(refusal.item),
            key=redacted(refusal.key),
            error=refusal.error,
            message=cut(redacted(refusal.message), _TOLD_LENGTH),
        )


class Received(BaseModel):
    """What became of a call: nothing of it is lost any more."""

    model_config = ConfigDict(frozen=True)

    #: Assets that a queue has taken.
    accepted: int
    #: What the events tell of and the dataset doesn't want.
    ignored: int
    refused: tuple[Refused, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The use case behind the address for events."""

    datasets: Datasets
    guards: Guards
    documents: Documents
    queues: Queues
    failures: Failures
    clock: Callable[[], datetime]

    async def receive(self, name: str, call: Call) -> Received | Handshake:
        """Take a call's events for a dataset, or answer it where it only asks whether events are taken.

        Returns once all copy requests were accepted by the queue; a call that is repeated asks for the same again, and
        nothing is copied twice. A paused dataset takes events, too: what is paused is discovery. Raises
        UnknownDatasetError, EventsNotTakenError, MalformedEventError, EventTooLargeError, what ``Guards.admit`` raises,
        and StorageFailedError, after which the sender has to send again.
        """
        dataset = self.datasets.named(name)
        if dataset.events is None:
            raise EventsNotTakenError(f"{name} takes no events; add [datasets.{name}.events] to datasets.toml")
        handshake = await self.guards.admit(name, dataset.events.auth, call)
        if handshake is not None:
            return handshake
        watched = Watched(dataset=dataset, events=dataset.events, now=self.clock())
        # A large body takes a moment to parse, and copies share the event loop.
        planned = await asyncio.to_thread(plan, call.body, call.headers, name=name, watched=watched)
        await self._record_refusals(planned, at=watched.now)
        kept = await each_of(planned, self._with_documents)
        bodies = [request.encode() for each in kept for request in _requests(each)]
        await each_of(bodies, lambda body: self.queues.send(Queue.COPY_LIVE, body))
        return _told(name, kept)

    async def _record_refusals(self, planned: Sequence[Planned], *, at: datetime) -> None:
        failures = [failure_of(refusal, cause=each.cause, at=at) for each in planned for refusal in each.refusals]
        if failures:
            await self.failures.record(failures)

    async def _with_documents(self, planned: Planned) -> Planned:
        """Documents are kept before the first request is sent: whoever brings the last asset publishes by them."""
        page = await self.documents.keep(planned.listed, planned.page, refusals=planned.refusals, cause=planned.cause)
        return dataclasses.replace(planned, page=page)


def _requests(planned: Planned) -> list[CopyRequest]:
    return copy_requests(planned.cause, planned.page)


def _told(name: str, planned: Sequence[Planned]) -> Received:
    received = Received(
        accepted=sum(each.assets for each in planned),
        ignored=sum(each.ignored for each in planned),
        refused=tuple(Refused.of(each) for event in planned for each in event.refusals),
    )
    counts = {"accepted": received.accepted, "ignored": received.ignored, "refused": len(received.refused)}
    events = {redacted(each.identifier[:100]): each.cause.name for each in planned[:_MOST_NAMED]}
    extra = {"action": "event_received", "dataset": name, **counts, "events": events, "of": len(planned)}
    logger.info("event received", extra=extra)
    return received
