"""The hosts that files come from: as slow, full, broken and wrong as a schedule wants them."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import override

from shared.model.errors import SluiceError, SourceThrottledError, SourceUnavailableError
from tests.fakes.sources import FakeSources, Version
from tests.simulation.choices import Choices
from tests.simulation.effects import Effects, Weather, nothing
from tests.simulation.scenario import File

_CHUNK_BYTES = 100
_LONGEST_RETRY_AFTER = 120


class CalledSources(FakeSources):
    """Sources as one process sees them; each has the version that its time has come for."""

    def __init__(
        self,
        files: Mapping[str, File],
        *,
        effects: Effects,
        now: Callable[[], float],
        choices: Choices,
        weather: Weather,
        opened: Callable[[], None],
    ) -> None:
        """``files`` by their addresses; ``opened`` is called at each opening."""
        super().__init__(chunk_bytes=_CHUNK_BYTES, pause=self._arrive)
        self._files = files
        self._effects = effects
        self._now = now
        self._choices = choices
        self._weather = weather
        self._told = opened

    async def _arrive(self) -> None:
        await self._effects.call("sources.read", nothing, error=unavailable)

    @override
    def _next(self, href: str) -> Version:
        self._told()
        file = self._files.get(href)
        if file is None or file.is_gone:
            # What isn't served is answered 404.
            self.versions.pop(href, None)
            return super()._next(href)
        _, body = file.version(self._now())
        validator = f'etag:"{hashlib.sha256(body).hexdigest()[:16]}"' if file.has_validator else None
        rates = self._weather.rates
        fault = self._choices.weighted(
            "fault of a source",
            (rates.throttled, rates.unavailable, rates.truncated, rates.wrong if file.states_checksum else 0.0),
        )
        match fault:
            case 1:
                return Version(error=self._throttled())
            case 2:
                return Version(error=unavailable("source"))
            case 3:
                return self._cut(body, validator=validator, at=len(body) * self._choices.pick("cut", 4) // 4)
            case 4 if body:
                return Version(body=body, validator=validator, torn_at=len(body) // 2, torn_into=b"?" * len(body))
            case _:
                return Version(body=body, validator=validator)

    def _cut(self, body: bytes, *, validator: str | None, at: int) -> Version:
        """The connection breaks, or it ends as if there were no more."""
        if self._choices.pick("ends quietly", 2):
            return Version(body=body, validator=validator, torn_at=at)
        return Version(body=body, validator=validator, cut_at=at)

    def _throttled(self) -> SluiceError:
        return SourceThrottledError(
            "simulated", retry_after=timedelta(seconds=_LONGEST_RETRY_AFTER * self._choices.amount("retry after"))
        )


def unavailable(name: str) -> SluiceError:
    """The error of a host that can't be reached."""
    return SourceUnavailableError(f"{name}: simulated")
