"""Use cases whose deliveries are spans."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from shared.copying import Copying
from shared.copying.job import Copied, Job, Outcome
from shared.discovery import Discovery
from shared.model.hrefs import host_of
from shared.model.messages import Queue
from shared.publishing import Publishing
from shared.tracing.ports import BLOCKS, BlockCount, said
from shared.tracing.tracer import Attributes, Tracer, Value

_FIELDS = ("dataset", "run", "pass_number", "page", "part", "item", "cause", "deferrals")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TracedDiscovery(Discovery):
    """Each page begins a trace, linked to the page before: a run's own would have millions of spans."""

    tracer: Tracer

    @classmethod
    def of(cls, plain: Discovery, tracer: Tracer) -> "TracedDiscovery":
        """The same, traced."""
        return cls(**_parts(plain), tracer=tracer)

    async def deliver(self, body: bytes, *, delivery: int = 1) -> None:
        """As Discovery's."""
        message = said(body)

        def telling() -> Attributes:
            return _told(message, queue=Queue.DISCOVER) | {"sluice.delivery": delivery}

        with self.tracer.begun("discover page", telling, sender=message.get("traceparent")):
            await Discovery.deliver(self, body, delivery=delivery)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TracedCopying(Copying):
    """Each delivery is within the span that sent its message, so deliveries of one message are siblings."""

    tracer: Tracer

    @classmethod
    def of(cls, plain: Copying, tracer: Tracer) -> "TracedCopying":
        """The same, traced."""
        parts = _parts(plain) | {"copy": _traced(plain.copy, tracer)}
        return cls(**parts, tracer=tracer)

    async def deliver(self, body: bytes, *, lane: Queue) -> None:
        """As Copying's."""
        message = said(body)

        def telling() -> Attributes:
            assets = cast("list[object] | None", message.get("assets"))
            return _told(message, queue=lane) | {"sluice.assets": len(assets) if isinstance(assets, list) else None}

        with self.tracer.received(f"process {lane}", telling, sender=message.get("traceparent")):
            await Copying.deliver(self, body, lane=lane)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TracedPublishing(Publishing):
    """Each delivery is within the span that sent its message: that of whoever brought the item's last asset."""

    tracer: Tracer

    @classmethod
    def of(cls, plain: Publishing, tracer: Tracer) -> "TracedPublishing":
        """The same, traced."""
        return cls(**_parts(plain), tracer=tracer)

    async def deliver(self, body: bytes) -> None:
        """As Publishing's."""
        message = said(body)
        with self.tracer.received(
            "publish item", lambda: _told(message, queue=Queue.PUBLISH), sender=message.get("traceparent")
        ):
            await Publishing.deliver(self, body)


def _traced(copy: Callable[[Job], Awaitable[Outcome]], tracer: Tracer) -> Callable[[Job], Awaitable[Outcome]]:
    """Copy, with a span for each asset."""

    async def traced(job: Job) -> Outcome:
        count = BlockCount()
        token = BLOCKS.set(count)
        try:
            with tracer.span("copy asset", lambda: _asset(job)) as copying:
                try:
                    outcome = await copy(job)
                finally:
                    copying.tell(lambda: {"sluice.blocks_staged": count.blocks})
                copying.tell(lambda: _outcome(outcome))
                return outcome
        finally:
            BLOCKS.reset(token)

    return traced


def _asset(job: Job) -> Attributes:
    return {
        "sluice.dataset": job.dataset_name,
        "sluice.item": job.asset.item,
        "sluice.key": job.asset.key,
        "sluice.cause": job.cause,
        "server.address": host_of(job.asset.href),
    }


def _outcome(outcome: Outcome) -> Attributes:
    return {"sluice.bytes": outcome.row.length, "sluice.outcome": "copied" if isinstance(outcome, Copied) else "kept"}


def _told(message: Mapping[str, object], *, queue: Queue) -> dict[str, Value]:
    """What a message says of itself; nobody has checked it yet."""
    found = {f"sluice.{name}": value for name in _FIELDS if isinstance(value := message.get(name), str | int)}
    return {"messaging.destination.name": queue.value, **found}


def _parts(plain: Any) -> Any:
    return {each.name: getattr(plain, each.name) for each in dataclasses.fields(plain)}
