"""Azurite's clock, which can be moved while it runs: see clock.cjs."""

import dataclasses
import datetime as dt
import time
from collections.abc import Mapping
from pathlib import Path

_PRELOADED = Path(__file__).resolve().parent / "clock.cjs"
#: Longer than it takes until the file is looked at again.
_NOTICED_SECONDS = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A clock that is ahead of the real one by what stands in a file, in milliseconds.

    Only the service's clock moves: with Azurite that goes unnoticed, while Azure refuses requests whose date is more
    than a quarter of an hour from its own.
    """

    file: Path

    @classmethod
    def right(cls, file: Path) -> "Clock":
        """A clock that isn't ahead yet."""
        clock = cls(file=file)
        clock.file.write_text("0", encoding="utf-8")
        return clock

    @property
    def environment(self) -> Mapping[str, str]:
        """What Node has to be started with."""
        return {"NODE_OPTIONS": f'--require "{_PRELOADED}"', "CLOCK_AHEAD_FILE": str(self.file)}

    def move(self, ahead: dt.timedelta) -> None:
        """Move it from the right time; returns once it has moved."""
        # Never half written: a rename is one step.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(int(ahead.total_seconds() * 1000)), encoding="utf-8")
        fresh.replace(self.file)
        time.sleep(_NOTICED_SECONDS)
