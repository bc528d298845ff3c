"""The points at which somebody is killed: when a certain request is on the wire, before or after the service did it."""

import dataclasses
import random
import time
from collections import Counter

from tests.chaos.storm.operations import HOSTS_OWN, Operation
from tests.end_to_end.wire import Moment

#: Of a worker; of its host, with the worker.
_OPERATIONS = (
    *(Operation.PUT_BLOB, Operation.PUT_BLOCK, Operation.COMMIT_BLOCKS, Operation.LIST_BLOCKS),
    *(Operation.LOOK_AT_BLOB, Operation.READ_ROW, Operation.WRITE_ROWS, Operation.WRITE_FAILURE),
    *(Operation.KEEP_PAGE, Operation.KEEP_DOCUMENT, Operation.SEND_COPY, Operation.SEND_PAGE),
    *(Operation.WRITE_COUNTS, Operation.WRITE_RUN, Operation.SEND_PUBLISH, Operation.PUBLISH_ITEM),
    *(Operation.SEND_POISON, Operation.ACKNOWLEDGE),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A moment of a request's life."""

    operation: Operation
    moment: Moment

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{'before' if self.moment is Moment.ARRIVED else 'after'} {self.operation}"

    @property
    def is_of_host(self) -> bool:
        """Whether it is the host's request, so that the host dies."""
        return self.operation in HOSTS_OWN


#: After so long somebody else is killed meanwhile.
_FRESH_SECONDS = 4.0

POINTS = tuple(Point(operation=operation, moment=moment) for operation in _OPERATIONS for moment in Moment)


class Points:
    """The points that are armed; each fires once."""

    def __init__(self, chance: random.Random) -> None:
        self.fired: Counter[Point] = Counter()
        self._armed: dict[Point, float] = {}
        self._chance = chance

    @property
    def fresh(self) -> int:
        """How many have been waiting for their request for a few seconds only."""
        since = time.monotonic() - _FRESH_SECONDS
        return sum(at > since for at in tuple(self._armed.values()))

    def arm(self) -> None:
        """Arm one of those that fired least and isn't armed."""
        free = [each for each in POINTS if each not in self._armed]
        if free:
            fewest = min(self.fired[each] for each in free)
            point = self._chance.choice([each for each in free if self.fired[each] == fewest])
            self._armed[point] = time.monotonic()

    def disarm(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def take(self, operation: Operation, moment: Moment) -> Point | None:
        """The armed point that a request has reached, if it has."""
        point = Point(operation=operation, moment=moment)
        return None if self._armed.pop(point, None) is None else point

    def hit(self, point: Point) -> None:
        """Count a point at which somebody was killed."""
        self.fired[point] += 1
