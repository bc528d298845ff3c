"""Which poison messages, or failures, are meant: by class, host, dataset, item, time, text and queue."""

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

from shared.model.errors import QueryInvalidError
from shared.model.messages import Queue

#: What a choice can be by, as it is written in addresses, bodies and options.
FILTERS = ("queue", "class", "host", "dataset", "item", "since", "text")

_POISON = "-poison"
_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a message or a failure is chosen by."""

    dataset: str | None
    items: Collection[str]
    hosts: Collection[str]
    #: The class of the error.
    error: str
    failed_at: datetime
    #: Where a text is looked for.
    texts: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What all of it has to be true of; without any of it everything is meant."""

    queue: Queue | None = None
    #: The class of the error.
    error: str | None = None
    host: str | None = None
    dataset: str | None = None
    item: str | None = None
    #: Failed then or later.
    since: datetime | None = None
    #: Stands in the message or its reason, in whatever case.
    text: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, str | None], *, now: datetime) -> Self:
        """Read filters by their names; None is none.

        Raises QueryInvalidError, also for a name that is none: what is mistyped must not mean everything.
        """
        found = {name: value for name, value in given.items() if value is not None}
        for name, value in found.items():
            if name not in FILTERS:
                raise QueryInvalidError(f"{name}: there is no such filter, only {', '.join(FILTERS)}", field=name)
            if not value.strip():
                raise QueryInvalidError(f"{name}: is empty; leave it out to choose by something else", field=name)
        return cls(
            queue=_queue(found["queue"]) if "queue" in found else None,
            error=_class(found["class"]) if "class" in found else None,
            host=found["host"].lower() if "host" in found else None,
            dataset=found.get("dataset"),
            item=found.get("item"),
            since=_since(found["since"], now=now) if "since" in found else None,
            text=found.get("text"),
        )

    @property
    def queues(self) -> Sequence[Queue]:
        """The queues whose poison is meant."""
        return tuple(Queue) if self.queue is None else (self.queue,)

    @property
    def filters(self) -> dict[str, str]:
        """What it is by, as ``of`` reads it."""
        values = {
            "queue": self.queue,
            "class": self.error,
            "host": self.host,
            "dataset": self.dataset,
            "item": self.item,
            "since": self.since.isoformat() if self.since else None,
            "text": self.text,
        }
        return {name: str(value) for name, value in values.items() if value is not None}

    def fits(self, traits: Traits) -> bool:
        """Tell whether something is meant; its queue isn't looked at."""
        return (
            self.error in {None, traits.error}
            and self.dataset in {None, traits.dataset}
            and (self.host is None or self.host in traits.hosts)
            and (self.item is None or self.item in traits.items)
            and (self.since is None or self.since <= traits.failed_at)
            and (self.text is None or any(self.text.lower() in each.lower() for each in traits.texts))
        )


def _queue(name: str) -> Queue:
    try:
        return Queue(name.removesuffix(_POISON))
    except ValueError as error:
        names = ", ".join(Queue)
        raise QueryInvalidError(f"queue: {name[:80]!r} is none of {names}", field="queue") from error


def _class(name: str) -> str:
    if not _CLASS.fullmatch(name):
        raise QueryInvalidError(
            f"class: {name[:80]!r} is no class of an error, as AssetNotFoundError is", field="class"
        )
    return name


def _since(text: str, *, now: datetime) -> datetime:
    """A time, or how long ago: ``30m``, ``12h``, ``10d``."""
    try:
        if ago := _AGO.fullmatch(text):
            return now - int(ago[1]) * _UNITS[ago[2]]
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise QueryInvalidError(
            f"since: {text[:80]!r} is no time; examples: 2024-06-01T00:00:00Z, 2024-06-01, 12h, 10d", field="since"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
