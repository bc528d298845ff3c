"""All ways through a model, each once: by depth first, replayed from the beginning after each turn back.

A state that was come to before isn't gone into again: from there on everything is as it was then. So the number of ways
is counted exactly, and only the steps between states are taken.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Protocol


class Way(Protocol):
    """One way through a model, as far as it was gone."""

    def options(self) -> Sequence[str]:
        """What can happen next, each in words; none at the end."""
        ...

    def take(self, number: int) -> None:
        """Let one of them happen."""
        ...

    def state(self) -> bytes:
        """A digest of all on which anything depends that can still happen, or be judged."""
        ...

    def end(self) -> None:
        """Judge what it came to; only where there are no options."""
        ...

    def close(self) -> None:
        """Leave nothing behind that goes on by itself: what was begun would be ended by whoever collects garbage."""
        ...

    @property
    def violations(self) -> Sequence[object]:
        """The rules that were broken on the way."""
        ...


@dataclasses.dataclass(slots=True, kw_only=True)
class Explored:
    """What a model came to."""

    #: All ways from the beginning to an end.
    ways: int = 0
    #: Different states, and those of them in which nothing more can happen.
    states: int = 0
    ends: int = 0
    #: Steps from one state to another.
    steps: int = 0
    longest: int = 0
    seconds: float = 0.0
    #: Whether all was explored: a rule that is broken, or too many steps, end it.
    is_whole: bool = True
    #: What was broken, and the way there.
    broken: list[str] = dataclasses.field(default_factory=list[str])
    path: list[str] = dataclasses.field(default_factory=list[str])


class _EndedError(Exception):
    """A rule was broken, or it is enough."""


def explore(begin: Callable[[], Way], *, most_steps: int | None = None) -> Explored:
    """Go all ways; ends at the first that breaks a rule, or after so many steps."""
    return _Explorer(begin, most_steps=most_steps).run()


class _Explorer:
    def __init__(self, begin: Callable[[], Way], *, most_steps: int | None) -> None:
        self._begin = begin
        self._most_steps = most_steps
        #: The ways from each state to an end.
        self._ways: dict[bytes, int] = {}
        #: What was taken to come here.
        self._path: list[int] = []
        self._found = Explored()

    def run(self) -> Explored:
        began = time.process_time()
        try:
            self._found.ways = self._count(self._begin())
        except _EndedError:
            self._found.is_whole = False
        self._found.states = len(self._ways)
        self._found.seconds = time.process_time() - began
        return self._found

    def _count(self, way: Way) -> int:
        """The ways from here to an end."""
        self._judge(way)
        state = way.state()
        if (known := self._ways.get(state)) is not None:
            way.close()
            return known
        self._found.longest = max(self._found.longest, len(self._path))
        options = way.options()
        if not options:
            self._found.ends += 1
            way.end()
            self._judge(way)
            way.close()
        ways = 0 if options else 1
        for number in range(len(options)):
            here = self._again() if number else way
            self._found.steps += 1
            if self._found.steps == self._most_steps:
                raise _EndedError
            here.take(number)
            self._path.append(number)
            ways += self._count(here)
            self._path.pop()
        self._ways[state] = ways
        return ways

    def _again(self) -> Way:
        """Another way, as far as this one was gone."""
        way = self._begin()
        for number in self._path:
            way.take(number)
        return way

    def _judge(self, way: Way) -> None:
        if way.violations:
            self._found.broken = [str(each) for each in way.violations]
            self._found.path = self._named()
            raise _EndedError

    def _named(self) -> list[str]:
        way, names = self._begin(), list[str]()
        for number in self._path:
            names.append(way.options()[number])
            way.take(number)
        return names
