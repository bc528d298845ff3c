"""What this process may do at one host: as much as the shares are worth that it holds of the host's budget."""

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator

from shared.egress.room import Room
from shared.model.politeness import Limits, Worth

#: So long before a lease can end its share isn't used any more: a process that stands still for less harms nobody, and
#: what it had under way when it died is over for the next.
MARGIN_SECONDS = 10.0
#: An answer that wasn't read to its end: for so long its server may still be sending.
_BROKEN_OFF_SECONDS = 1.0
_SECOND = 1.0


@dataclasses.dataclass(slots=True, kw_only=True)
class Held:
    """A share that this process holds."""

    share: int
    lease: str
    #: When others have a right to it.
    tenure_until: float
    usable_from: float
    #: Counted from before the request that took or renewed it, by this process's own clock.
    valid_until: float
    renewed_at: float
    #: It is about to be given back: nothing new is begun on it.
    retires: bool = False


class Pool:
    """The shares of one budget in this process, and what is under way on them all together."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.period = limits.period
        self.window = limits.window
        self.worths = limits.shares()
        self.held: dict[int, Held] = {}
        #: Requests and bodies that wait for room now.
        self.waiting = 0
        #: When the last of them was under way.
        self.used_at = clock()
        total = sum(self.worths, Worth())
        self._at_once = Room(period=_BROKEN_OFF_SECONDS, clock=clock) if total.at_once else None
        self._requests = Room(period=limits.period, clock=clock) if total.requests else None
        self._bytes = Room(period=_SECOND, clock=clock) if total.body_bytes else None

    @contextlib.contextmanager
    def one_more_waits(self) -> Generator[None]:
        """Count somebody who waits for room."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing waits, is under way, or was so lately that it counts."""
        return not self.waiting and not any(room.counted for room in self._rooms())

    def wait(self, *, window: int) -> float:
        """Seconds until one more request fits by itself, with a window of so many bytes."""
        self._measure()
        return max((room.wait(units) for room, units in self._needs(window)), default=0.0)

    def begin(self, *, window: int) -> None:
        """Begin a request that fits."""
        for room, units in self._needs(window):
            room.take(units)

    def answered(self) -> None:
        """Note that a request has arrived, or never will: it counts for a period more."""
        if self._requests:
            self._requests.spend(1)

    def ended(self, *, is_whole: bool) -> None:
        """Note that nothing of a request is under way any more."""
        self.used_at = self._clock()
        if self._at_once and is_whole:
            self._at_once.leave(1)
        elif self._at_once:
            self._at_once.spend(1)

    def wait_for_bytes(self, count: int) -> float:
        """Seconds until a body may go on for so many bytes."""
        self._measure()
        return self._bytes.wait(count) if self._bytes else 0.0

    def take_bytes(self, count: int) -> None:
        """Let so many more bytes come."""
        if self._bytes:
            self._bytes.take(count)

    def spend_bytes(self, count: int) -> None:
        """Note bytes that have come, or may have."""
        if self._bytes:
            self._bytes.spend(count)

    def leave_bytes(self, count: int) -> None:
        """Note bytes that can't come any more."""
        if self._bytes:
            self._bytes.leave(count)

    def can_spare(self, held: Held) -> bool:
        """Tell whether all that counts fits into what would be left without a share."""
        left = self._worth(each for each in self.held.values() if each is not held and not each.retires)
        return all(room.counted <= units for room, units in self._sizes(left))

    def is_overdrawn(self) -> bool:
        """Tell whether more is under way than the shares are worth that are still valid: one was lost."""
        now = self._clock()
        worth = self._worth(each for each in self.held.values() if now < each.valid_until)
        return any(room.in_use > units for room, units in self._sizes(worth))

    def _measure(self) -> None:
        now = self._clock()
        usable = (each for each in self.held.values() if each.usable_from <= now < each.valid_until)
        for room, units in self._sizes(self._worth(each for each in usable if not each.retires)):
            room.capacity = units

    def _worth(self, held: Iterable[Held]) -> Worth:
        return sum((self.worths[each.share] for each in held), Worth())

    def _rooms(self) -> Iterator[Room]:
        return (each for each in (self._at_once, self._requests, self._bytes) if each is not None)

    def _sizes(self, worth: Worth) -> Iterator[tuple[Room, int]]:
        pairs = ((self._at_once, worth.at_once), (self._requests, worth.requests), (self._bytes, worth.body_bytes))
        return ((room, units) for room, units in pairs if room is not None)

    def _needs(self, window: int) -> Iterator[tuple[Room, int]]:
        return self._sizes(Worth(at_once=1, requests=1, body_bytes=window))
