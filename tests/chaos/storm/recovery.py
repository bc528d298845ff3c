"""How long it takes after a death until what was held is worked again; and what became of each delivery."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from functions_host.events import Event, EventKind, read_events
from tests.chaos.storm.deaths import Kill

#: What the host says of an invocation whose worker died.
_WORKER_DIED = ("The worker process", "Cancelling invocation")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that was handed to its function once."""

    message: str
    log: Path
    began: float
    #: None: its host died before it could tell.
    ended: float | None
    ok: bool | None
    error: str | None
    dequeue_count: int

    @property
    def died(self) -> bool:
        """Whether it ended because its worker or its host did."""
        return self.ended is None or (not self.ok and str(self.error).startswith(_WORKER_DIED))


class Deliveries:
    """All deliveries, by their messages."""

    def __init__(self, logs: Iterable[Path]) -> None:
        self.by_message: defaultdict[str, list[Delivery]] = defaultdict(list)
        #: When each message was deleted.
        self.deleted: dict[str, float] = {}
        #: The messages that a host moved to poison, and how often they had been dequeued.
        self.poisoned: dict[str, int] = {}
        for log in logs:
            self._read(log)

    @property
    def all(self) -> Sequence[Delivery]:
        """Every delivery."""
        return [each for deliveries in self.by_message.values() for each in deliveries]

    def recovery_seconds(self, kill: Kill) -> float | None:
        """Until all that was held at a death is worked again, or done; None where nothing was held."""
        held = [each for each in self.all if each.log == kill.log_json and _is_open(each, kill.at)]
        waits = [again - kill.at for each in held if (again := self._again(each.message, after=kill.at)) is not None]
        return max(waits, default=None)

    def _again(self, message: str, *, after: float) -> float | None:
        begins = [each.began for each in self.by_message[message] if each.began > after]
        ends = [self.deleted[message]] if self.deleted.get(message, 0) > after else []
        return min([*begins, *ends], default=None)

    def _read(self, log: Path) -> None:
        events = [each for each in read_events(log) if each.time is not None]
        ends = {each.invocation_id: each for each in events if each.kind is EventKind.EXECUTED}
        for each in events:
            if each.message_id is None:
                continue
            match each.kind:
                case EventKind.EXECUTING:
                    self.by_message[each.message_id].append(_delivery(each, ends.get(each.invocation_id), log=log))
                case EventKind.MESSAGE_DELETED:
                    self.deleted[each.message_id] = _seconds(each)
                case EventKind.MESSAGE_POISONED:
                    self.poisoned[each.message_id] = each.dequeue_count or 0
                case _:
                    pass


def quantile(values: Sequence[float], part: float) -> float | None:
    """The value below which such a part of all lies; None where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def recoveries(kills: Iterable[Kill], deliveries: Deliveries) -> Iterator[float]:
    """The time of each death that interrupted something."""
    for each in kills:
        seconds = deliveries.recovery_seconds(each)
        if seconds is not None:
            yield seconds


def _is_open(delivery: Delivery, at: float) -> bool:
    """Whether a delivery was under way, and died of it."""
    return delivery.began <= at and delivery.died and (delivery.ended is None or delivery.ended >= at)


def _delivery(event: Event, end: Event | None, *, log: Path) -> Delivery:
    return Delivery(
        message=str(event.message_id),
        log=log,
        began=_seconds(event),
        ended=_seconds(end) if end is not None else None,
        ok=end.ok if end is not None else None,
        error=end.error if end is not None else None,
        dequeue_count=event.dequeue_count or 0,
    )


def _seconds(event: Event) -> float:
    return event.time.timestamp() if event.time is not None else 0.0
