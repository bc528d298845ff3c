"""An account of which a test says what is there."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.storage.premises import Found, Look, Place


class MemoryPremises:
    """Everything that was made is there; the service's clock can be another than ours."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self.made: set[tuple[Place, str]] = set()
        #: What is answered instead, by place and name.
        self.answers: dict[tuple[Place, str], Look] = {}
        self.skew = timedelta(0)
        self._clock = clock

    async def look(self, place: Place, name: str) -> Look:
        """What a test says, else whether it was made."""
        if answer := self.answers.get((place, name)):
            return answer
        at = self._clock() + self.skew
        if (place, name) not in self.made:
            return Look(found=Found.MISSING, told="404", at=at)
        return Look(found=Found.THERE, at=at)
