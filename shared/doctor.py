"""Whether the data account is as the app needs it: places, rights, clocks, and what stands in the queues too long."""

import dataclasses
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.storage.answers import each_of
from shared.storage.mailbox import Mailbox, Received
from shared.storage.premises import Found, Look, Place, Premises

#: A signature of ours is refused when clocks are a quarter of an hour apart; long before, times of ours are wrong.
_MOST_SKEW = timedelta(minutes=1)
#: What the hourly pass over poison leaves behind for so long, it never took up.
_PRESERVED_WITHIN = timedelta(hours=2)
_SOON_GONE = timedelta(days=3)
_OLD = timedelta(days=1)
#: How every body of ours begins in Base64.
_JSON_IN_BASE64 = b"eyJ"
_ROLES = {
    Place.QUEUE: "Storage Queue Data Reader",
    Place.TABLE: "Storage Table Data Reader",
    Place.CONTAINER: "Storage Blob Data Reader",
}


#: What is wrong with the first messages of a queue, and what to do.
type _Judge = Callable[[Sequence[Received], datetime], Iterator[tuple[str, str]]]


class Health(StrEnum):
    """What a check came to."""

    OK = "ok"
    PROBLEM = "problem"
    #: Not looked at, or nothing to judge: said, so that nobody takes it for checked.
    NOTE = "note"


class Finding(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(frozen=True)

    health: Health
    #: What was looked at.
    check: str
    told: str
    #: What to do; empty where nothing is to be done.
    mend: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """The use case behind ``sluice doctor``."""

    datasets: Datasets
    premises: Premises
    mailbox: Mailbox
    #: Tables and containers that every app has.
    tables: Sequence[str]
    containers: Sequence[str]
    clock: Callable[[], datetime]

    async def findings(self) -> Sequence[Finding]:
        """Everything, what is well included. Reads only, and raises nothing: what can't be read is a finding."""
        places = self._places()
        looks = await each_of(places, lambda each: self._look(*each))
        found = [_of_place(place, name, look) for (place, name), (look, _) in zip(places, looks, strict=True)]
        skews = [skew for _, skew in looks if skew is not None]
        there = {name for (_, name), (look, _) in zip(places, looks, strict=True) if look.found is Found.THERE}
        return [*found, *_of_clocks(skews), *await self._of_messages(there)]

    def _places(self) -> list[tuple[Place, str]]:
        queues = (name for each in Queue for name in (each.value, each.poison))
        own = {name for each in self.datasets.datasets.values() for name in each.containers}
        return [
            *((Place.QUEUE, each) for each in queues),
            *((Place.TABLE, each) for each in self.tables),
            *((Place.CONTAINER, each) for each in sorted({*self.containers, *own})),
        ]

    async def _look(self, place: Place, name: str) -> tuple[Look, timedelta | None]:
        """A look, and how far the service's clock is ahead of ours."""
        look = await self.premises.look(place, name)
        return look, None if look.at is None else look.at - self.clock()

    async def _of_messages(self, there: Container[str]) -> list[Finding]:
        judges = {name: judge for each in Queue for name, judge in ((each.value, _of_work), (each.poison, _of_poison))}
        names = [each for each in judges if each in there]
        found = await each_of(names, lambda name: self._of_queue(name, judges[name]))
        return [finding for each in found for finding in each]

    async def _of_queue(self, name: str, judge: _Judge) -> list[Finding]:
        check = f"messages of {name}"
        try:
            messages = await self.mailbox.peek(name)
        except StorageFailedError as error:
            return [Finding(health=Health.PROBLEM, check=check, told=str(error), mend=_needs(Place.QUEUE))]
        now = self.clock()
        judged = [*_of_any(messages, now), *judge(messages, now)]
        if judged:
            return [Finding(health=Health.PROBLEM, check=check, told=told, mend=mend) for told, mend in judged]
        oldest = min((each.inserted_at for each in messages), default=None)
        age = f", the oldest is {_lasting(now - oldest)} old" if oldest else ""
        return [Finding(health=Health.OK, check=check, told=f"looked at {len(messages)} of at most 32{age}")]


def _of_place(place: Place, name: str, look: Look) -> Finding:
    check = f"{place.value} {name}"
    match look.found:
        case Found.THERE:
            return Finding(health=Health.OK, check=check, told="there, and may be read")
        case Found.MISSING:
            mend = "deploy the templates again (infra/), or on this machine start the app with STORAGE_CREATE_MISSING"
        case Found.FORBIDDEN:
            mend = _needs(place)
        case _:
            mend = "look whether the account's name is right and its network can be reached from here, and az login"
    return Finding(health=Health.PROBLEM, check=check, told=f"{look.found.value}: {look.told}", mend=mend)


def _needs(place: Place) -> str:
    return f"assign the role {_ROLES[place]} on the data account, or open its network to this machine"


def _of_clocks(skews: Sequence[timedelta]) -> Iterator[Finding]:
    check = "clock of this machine"
    if not skews:
        yield Finding(health=Health.NOTE, check=check, told="no service has answered to compare it with")
        return
    worst = max(skews, key=abs)
    seconds = f"{abs(worst.total_seconds()):.0f} s {'behind' if worst > timedelta(0) else 'ahead of'} the service's"
    if abs(worst) > _MOST_SKEW:
        yield Finding(health=Health.PROBLEM, check=check, told=seconds, mend="set it by NTP")
        return
    yield Finding(health=Health.OK, check=check, told=f"within {_MOST_SKEW.total_seconds():.0f} s of the service's")


def _of_any(messages: Sequence[Received], now: datetime) -> Iterator[tuple[str, str]]:
    if unreadable := sum(not each.is_base64 for each in messages):
        yield (
            f"{unreadable} of {len(messages)} aren't Base64, so that the host can't hand them to a function",
            "find who sends them past the app (a program of yours, Event Grid); look by sluice poison show",
        )
    if soon := [each for each in messages if each.expires_at - now < _SOON_GONE]:
        left = _lasting(min(each.expires_at for each in soon) - now)
        yield (
            f"{len(soon)} of {len(messages)} are gone in less than 3 days, the first of them in {left}",
            "whoever sends them has to send with a time-to-live of -1; start the app, or its timer preserve_poison",
        )


def _of_work(messages: Sequence[Received], now: datetime) -> Iterator[tuple[str, str]]:
    if old := [each for each in messages if now - each.inserted_at > _OLD]:
        age = _lasting(now - min(each.inserted_at for each in old))
        yield f"a message has stood there for {age}", "look whether the app runs, and how many instances it may have"


def _of_poison(messages: Sequence[Received], now: datetime) -> Iterator[tuple[str, str]]:
    if undecoded := sum(each.body.startswith(_JSON_IN_BASE64) for each in messages):
        yield (
            f"{undecoded} of {len(messages)} were handed to their function without being decoded",
            "deploy the app with the host.json of its own version: messageEncoding has to be base64",
        )
    if left := [each for each in messages if each.expires and now - each.inserted_at > _PRESERVED_WITHIN]:
        yield (
            f"{len(left)} of {len(messages)} were never preserved, and will expire",
            "the app's hourly timer preserve_poison doesn't run: start the app, and look for it in its log",
        )


def _lasting(time: timedelta) -> str:
    """In days, or hours where it isn't one."""
    hours = max(0, int(time.total_seconds() // 3600))
    return f"{hours // 24} d" if hours >= 24 else f"{hours} h"  # noqa: PLR2004 - hours of a day
