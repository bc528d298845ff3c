"""How slowly a body may come: a source that trickles would hold an invocation for hours."""

import dataclasses
from datetime import timedelta

from shared.model.errors import SourceUnavailableError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MinimumPace:
    """How many bytes have to come; only the time counts that was spent waiting for the source."""

    bytes_per_second: int = 16 * 1024
    over: timedelta = timedelta(seconds=60)


class Pace:
    """Watches one body."""

    def __init__(self, minimum: MinimumPace) -> None:
        self._minimum = minimum
        self._over_seconds = minimum.over.total_seconds()
        self._waited = 0.0
        self._came = 0

    def count(self, came: int, *, waited: float) -> None:
        """Add a chunk and the seconds that it was waited for; raises SourceUnavailableError."""
        self._waited += waited
        self._came += came
        if self._waited < self._over_seconds:
            return
        if self._came < self._waited * self._minimum.bytes_per_second:
            raise SourceUnavailableError(
                f"{self._came} bytes in {self._waited:.0f} s: less than {self._minimum.bytes_per_second} a second"
            )
        self._waited = 0.0
        self._came = 0
