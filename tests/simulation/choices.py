"""Where every decision of a simulated schedule comes from: a seed, a part of what a seed decides, or all of them.

A decision is known by what it is about and how manieth of its kind it is, and is drawn from these and the seed alone.
So to leave one out changes the others as little as can be: that is how a failing schedule is made small.
"""

import dataclasses
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol, Self

_SCALE = 2.0**-62
_POSITIVE = (1 << 62) - 1
_LATER_DIGITS = float(1 << 24)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Decision:
    """A decision that was anything but the tame one."""

    what: str
    #: How many of its kind came before.
    number: int

    def __str__(self) -> str:
        return f"{self.what}#{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` wrote."""
        what, _, number = text.rpartition("#")
        return cls(what=what, number=int(number))


class Choices(Protocol):
    """Decides. In whatever is decided, 0 is the tame answer: nothing goes wrong, nothing is unusual."""

    def pick(self, what: str, of: int) -> int:
        """One of 0 to ``of`` - 1, each as likely."""
        ...

    def weighted(self, what: str, weights: Sequence[float]) -> int:
        """0, or i with the probability ``weights[i - 1]``: which of several things goes wrong, if any."""
        ...

    def call(self, what: str, weights: Sequence[float]) -> tuple[int, float]:
        """What goes wrong with a call, as ``weighted`` says it, and how long it takes, as ``amount`` does."""
        ...

    def order(self, of: int) -> int:
        """Which of several that could go on does."""
        ...

    def amount(self, what: str) -> float:
        """How much of something (a delay): uniform in [0, 1)."""
        ...


class Seeded:
    """Decides by a seed; remembers what wasn't tame."""

    def __init__(self, seed: int, *, only: Collection[Decision] | None = None) -> None:
        """``only``: all others are tame, whatever the seed says."""
        self.seed = seed
        #: What wasn't tame, in order.
        self.made: list[Decision] = []
        self._only = None if only is None else {(each.what, each.number) for each in only}
        self._keys: dict[str, int] = {}
        self._numbers: dict[str, int] = {}

    def pick(self, what: str, of: int) -> int:
        """See ``Choices``."""
        drawn, number = self._draw(what)
        return self._note(what, number, int(drawn * of))

    def weighted(self, what: str, weights: Sequence[float]) -> int:
        """See ``Choices``."""
        drawn, number = self._draw(what)
        return self._weigh(what, number, drawn, weights)

    def call(self, what: str, weights: Sequence[float]) -> tuple[int, float]:
        """See ``Choices``."""
        drawn, number = self._draw(what)
        # What the first digits decide, the others know nothing of.
        return self._weigh(what, number, drawn, weights), drawn * _LATER_DIGITS % 1.0

    def order(self, of: int) -> int:
        """See ``Choices``."""
        return int(self._draw("order")[0] * of)

    def amount(self, what: str) -> float:
        """See ``Choices``."""
        return self._draw(what)[0]

    def _draw(self, what: str) -> tuple[float, int]:
        number = self._numbers.get(what, 0)
        self._numbers[what] = number + 1
        key = self._keys.get(what)
        if key is None:
            # A string's own hash is another one in each process.
            key = self._keys[what] = zlib.crc32(what.encode()) + 1
        # Twice, as the last of the numbers hashed is hardly mixed in; a tuple of integers has one hash everywhere.
        mixed = hash((hash((self.seed, key, number)), number, key))
        return (mixed & _POSITIVE) * _SCALE, number

    def _weigh(self, what: str, number: int, drawn: float, weights: Sequence[float]) -> int:
        for index, weight in enumerate(weights, start=1):
            if drawn < weight:
                return self._note(what, number, index)
            drawn -= weight
        return 0

    def _note(self, what: str, number: int, decided: int) -> int:
        if not decided or (self._only is not None and (what, number) not in self._only):
            return 0
        self.made.append(Decision(what=what, number=number))
        return decided


class Exhaustive:
    """Decides everything that can be decided, one schedule after the other, with so many untame decisions at most.

    For small models. Delays are all the same; who goes on where several could is a decision like any.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        #: What was decided, of how many answers.
        self._path: list[tuple[int, int]] = []
        self._at = 0
        self._untame = 0

    def schedules(self) -> Iterator[Self]:
        """Itself, once for each schedule: all of it has to be decided before the next one."""
        while True:
            self._at = self._untame = 0
            yield self
            while self._path and self._path[-1][0] + 1 == self._path[-1][1]:
                self._path.pop()
            if not self._path:
                return
            decided, of = self._path.pop()
            self._path.append((decided + 1, of))

    def pick(self, what: str, of: int) -> int:
        """See ``Choices``."""
        del what
        return self._decide(of)

    def weighted(self, what: str, weights: Sequence[float]) -> int:
        """See ``Choices``; whatever has a weight can happen."""
        del what
        possible = [0, *(index for index, weight in enumerate(weights, start=1) if weight > 0)]
        return possible[self._decide(len(possible))]

    def call(self, what: str, weights: Sequence[float]) -> tuple[int, float]:
        """See ``Choices``."""
        return self.weighted(what, weights), self.amount(what)

    def order(self, of: int) -> int:
        """See ``Choices``."""
        return self._decide(of)

    def amount(self, what: str) -> float:
        """See ``Choices``."""
        del what
        return 0.5

    def _decide(self, of: int) -> int:
        if of < 2 or self._untame == self._most:
            return 0
        if self._at == len(self._path):
            self._path.append((0, of))
        decided, _ = self._path[self._at]
        self._at += 1
        self._untame += decided > 0
        return decided
