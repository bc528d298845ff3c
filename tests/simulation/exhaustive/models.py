"""The small models that are gone through."""

import dataclasses
import functools
import logging
from collections.abc import Callable

from tests.simulation.exhaustive.copies import copies_of
from tests.simulation.exhaustive.exploring import Explored, Way, explore
from tests.simulation.exhaustive.model import Limits
from tests.simulation.exhaustive.pages import three_pages
from tests.simulation.exhaustive.poison import poison_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """A model: what it is of, and how much may go wrong."""

    of: str
    limits: Limits
    #: Begins it.
    begin: Callable[[], Way]
    #: Whether it takes a few seconds only, so that it is gone through with all tests.
    is_quick: bool

    def __str__(self) -> str:
        return f"{self.of}: {self.limits}"

    def explore(self, *, most_steps: int | None = None) -> Explored:
        """Go through all of it."""
        # The pipeline logs each failure, and there are many.
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            return explore(self.begin, most_steps=most_steps)
        finally:
            logging.disable(before)


def _copies(file: str, limits: Limits, *, causes: int = 1, is_quick: bool = True) -> Small:
    asked = f", asked for by {causes} runs" if causes > 1 else ""
    begin = functools.partial(copies_of, file, limits, causes=causes)
    return Small(of=f"a file of {file}{asked}", limits=limits, begin=begin, is_quick=is_quick)


def _pages(limits: Limits, *, is_quick: bool = True) -> Small:
    begin = functools.partial(three_pages, limits)
    return Small(of="a run of three pages", limits=limits, begin=begin, is_quick=is_quick)


def _poison(limits: Limits, *, is_quick: bool = True) -> Small:
    begin = functools.partial(poison_of, limits, passes=1, redrives=1)
    return Small(of="a message in the poison queue", limits=limits, begin=begin, is_quick=is_quick)


#: The fast ones first.
MODELS = (
    _pages(Limits(processes=1, crashes=1)),
    _pages(Limits(processes=1, lost=1)),
    _copies("two blocks, changing, resumed", Limits(processes=2, crashes=1, changes=1)),
    _copies("one block", Limits(processes=2, doubles=1, crashes=1)),
    _poison(Limits(processes=1, crashes=1, pauses=1)),
    _copies("two blocks, resumed", Limits(processes=2, doubles=1, crashes=1)),
    _copies("two blocks, changing", Limits(processes=2, changes=1), causes=2, is_quick=False),
    _poison(Limits(processes=2, crashes=1, pauses=1), is_quick=False),
    _pages(Limits(processes=1, crashes=2, lost=1), is_quick=False),
    _copies("two blocks", Limits(processes=2, doubles=1, crashes=2, lost=1), is_quick=False),
    _copies("two blocks, resumed", Limits(processes=2, doubles=1, crashes=2, lost=1), is_quick=False),
)
