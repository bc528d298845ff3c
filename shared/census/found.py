"""What a census says of an asset, with the symbols of ``rclone check --combined``."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote


class Mark(StrEnum):
    """How catalog, ledger and destination agree (https://rclone.org/commands/rclone_check/)."""

    #: All three agree.
    SAME = "="
    #: At the destination or in the ledger, and not in the catalog.
    EXTRA = "-"
    #: In the catalog, and missing at the destination or in the ledger.
    MISSING = "+"
    #: In all three, and they differ.
    DIFFERENT = "*"
    #: It can't be told.
    UNKNOWN = "!"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one asset, blob or row."""

    mark: Mark
    #: The blob's name; empty for what can't have one.
    blob: str
    #: Empty where nothing says whose the blob is.
    item: str = ""
    key: str = ""
    #: In words for an operator; empty where all agree.
    reason: str = ""

    @property
    def line(self) -> str:
        """Symbol and path, as rclone writes them; what has no blob is called by item and key."""
        return f"{self.mark} {self.blob or quote(f'{self.item}/{self.key}'.rstrip('/'), safe='/:~')}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A census in numbers."""

    dataset: str
    #: What copy requests of this census call their cause.
    census: str
    began_at: datetime
    ended_at: datetime
    marks: Mapping[Mark, int]
    #: Blobs that were listed beside the dataset's: of other datasets, published items, nobody's elsewhere.
    beside: int
    #: Rows and blobs that the catalog didn't list, and that came after it was read.
    since: int
    #: Assets that were asked for again; None where nobody wanted that.
    asked: int | None
    #: Why the catalog couldn't be read to its end.
    broken: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether all agree."""
        return self.broken is None and not +Counter({mark: n for mark, n in self.marks.items() if mark != Mark.SAME})
