"""What a run has counted, and whether it adds up.

In items, for each window of the catalog that was read: available = sent + already + filtered + refused, and as many as
the catalog states.
"""

import dataclasses
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

_SUMS = (
    *("available", "filtered", "refused", "items_sent", "items_already", "repeated"),
    *("sent", "already", "sent_bytes"),
)


class Counts(BaseModel):
    """What pages came to."""

    # What a newer version counts beside: two versions work at once while one is deployed.
    model_config = ConfigDict(frozen=True, extra="ignore")

    #: Items that the catalog listed; filtered: nothing of them was selected; refused: they can't be copied.
    available: int = 0
    filtered: int = 0
    refused: int = 0
    #: Items of which something was asked for, and those of which all was there as described.
    items_sent: int = 0
    items_already: int = 0
    #: Items that stood on the page before already, and count there alone.
    repeated: int = 0
    #: Assets asked for, and those that were there as described.
    sent: int = 0
    already: int = 0
    #: Bytes of the assets asked for, as far as the catalog states them.
    sent_bytes: int = 0

    def plus(self, other: "Counts") -> Self:
        """Both together."""
        return self.model_copy(update={name: getattr(self, name) + getattr(other, name) for name in _SUMS})

    @property
    def settled(self) -> int:
        """Items of which is known what became of them."""
        return self.items_sent + self.items_already + self.filtered + self.refused


class PartCounts(Counts):
    """What one part of one page came to; a redelivery writes the same numbers.

    Only the page's first part counts its available, filtered, refused and repeated items. An item's fate is counted by
    the part that its first asset is in.
    """

    #: The page that the window began with of which this is one: a run has one window, or parts of it.
    window: int = 0
    #: How many items the catalog states that there are in the window.
    matched: int | None = None
    #: The window was read in parts instead: this page counts for nothing but what it states.
    is_split: bool = False
    #: As many items as the catalog lists at most, in a window that can't be split: there may be more of them.
    is_capped: bool = False
    #: The window's last page was another one when it was looked at again; in words.
    changed: str | None = None
    #: Its next page or part was sent, or there was none.
    done: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """What one window came to, over all its parts."""

    counts: Counts = dataclasses.field(default_factory=Counts)
    #: The fewest and the most items that the catalog stated while the window was read.
    fewest: int | None = None
    most: int | None = None
    is_split: bool = False
    is_capped: bool = False
    changed: str | None = None
    #: How many of its items were listed before on a page further back.
    twice: int = 0

    @property
    def listed(self) -> int:
        """Its items, each counted once."""
        return self.counts.available - self.twice

    @property
    def is_over(self) -> bool:
        """Whether more items came than the catalog ever stated."""
        return self.most is not None and self.listed > self.most

    def with_part(self, part: PartCounts) -> "WindowCounts":
        """These and one more part."""
        stated = [each for each in (self.fewest, self.most, part.matched) if each is not None]
        return dataclasses.replace(
            self,
            counts=self.counts.plus(part),
            fewest=min(stated, default=None),
            most=max(stated, default=None),
            is_split=self.is_split or part.is_split,
            is_capped=self.is_capped or part.is_capped,
            changed=self.changed or part.changed,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a run adds up."""

    #: What doesn't, in words and numbers; None: it adds up.
    because: str | None = None
    #: It adds up, but the catalog shrank while it was read, and pages that move up may have hidden an item.
    is_doubtful: bool = False


def judge(windows: Mapping[int, WindowCounts], *, whole: int | None = None) -> Verdict:
    """Judge a run by its windows; ``whole``: what the catalog states of all of it at the end, if it was split.

    A catalog may change while it is read. What came has to lie between the fewest and the most items that it stated
    meanwhile: a live catalog would be incomplete for ever otherwise. Below the most, it is doubtful: where pages are
    counted off (``skip``), each item that goes away moves one over the edge of a page that was read already.
    """
    read = {page: each for page, each in windows.items() if not each.is_split}
    trouble = [because for page, each in sorted(read.items()) if (because := _trouble(page, each))]
    if (missing := _missing(windows, read, whole=whole)) is not None:
        trouble.append(missing)
    if trouble:
        more = f"; and {len(trouble) - 1} more like it" if len(trouble) > 1 else ""
        return Verdict(because=f"{trouble[0]}{more}")
    return Verdict(is_doubtful=any(each.most is not None and each.listed < each.most for each in read.values()))


def _trouble(page: int, window: WindowCounts) -> str | None:
    """What doesn't add up in one window."""
    counts, where = window.counts, f"the window from page {page}"
    if counts.available != counts.settled:
        fates = f"{counts.items_sent} sent + {counts.items_already} already there + {counts.filtered} filtered"
        return f"{where} has {counts.available} items, but {fates} + {counts.refused} refused"
    if window.is_capped:
        return f"{where} can't be split, and lists {window.listed} items: as many as the catalog lists at most"
    if window.changed is not None:
        return f"{where} has {window.listed} items, but {window.changed}"
    if window.fewest is None or window.most is None or window.fewest <= window.listed <= window.most:
        return None
    stated = str(window.most) if window.fewest == window.most else f"{window.fewest} to {window.most}"
    return f"{where} has {window.listed} items, but the catalog states {stated}"


def _missing(windows: Mapping[int, WindowCounts], read: Mapping[int, WindowCounts], *, whole: int | None) -> str | None:
    """What the parts of a window don't have of it: items without a time lie in none of them."""
    first = windows.get(0)
    if first is None or not first.is_split or first.fewest is None:
        return None
    stated = first.fewest if whole is None else min(first.fewest, whole)
    available = sum(each.listed for each in read.values())
    if available >= stated:
        return None
    return f"the parts of the window have {available} items together, but the catalog states {stated} of all of it"
