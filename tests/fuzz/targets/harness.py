"""What several targets stand on."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from types import MappingProxyType
from typing import Any, override

from shared.catalogs.reader import CatalogReader
from shared.egress import Policy, Reply
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    EndlessCatalogError,
    MalformedCatalogError,
    SourceChangedError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TokenRefusedError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
    WindowError,
)
from shared.model.items import CatalogCollection, CatalogItem, Page
from shared.model.windows import TimeProperty, Window
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.fuzz.nasty import MOST_BYTES
from tests.unit.discovery.world import World

#: What a CatalogReader may raise, by its own word.
OF_READERS = (
    *(MalformedCatalogError, TokenRefusedError, SourceChangedError, EndlessCatalogError, WindowError, UrlRefusedError),
    *(AssetNotFoundError, SourceRefusedError, SourceThrottledError, SourceUnavailableError, UnexpectedStatusError),
    TruncatedBodyError,
)
ALLOW = Allowlist(hosts=("*.example.org", "*.s3.r-1.amazonaws.com", "*.blob.core.windows.net"))
_MOST_DELIVERIES = 6
_MOST_SERVED = MOST_BYTES


class StrictEgress(FakeEgress):
    """Refuses what the real one refuses."""

    @override
    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        allow: Allowlist,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
        trusted: tuple[str, ...] = (),
    ) -> AsyncGenerator[Reply]:
        """See ``Egress.request``."""
        del trusted
        checked = str(Policy(allow).checked(url))
        async with super().request(method, checked, allow=allow, headers=headers, body=body) as reply:
            yield reply


def serving(answers: Callable[[Asked], bytes | None]) -> StrictEgress:
    """A server that has a body for some addresses; what a case may take is meant for so many bytes."""
    left = _MOST_SERVED

    def serve(asked: Asked) -> Answer:
        nonlocal left
        body = answers(asked)
        if body is None or len(body) > left:
            return Answer(status=404)
        left -= len(body)
        headers = {"Content-Type": "text/html"}
        return Answer(headers=headers, chunks=(body,))

    return StrictEgress(serve)


class Watched:
    """A reader, and the last error that it raised."""

    def __init__(self, reader: CatalogReader) -> None:
        self._reader = reader
        self.error: Exception | None = None

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``."""
        try:
            return await self._reader.page(token, window=window, by=by)
        except Exception as error:
            self.error = error
            raise

    async def item(self, name: str) -> CatalogItem | None:
        """See ``CatalogReader``."""
        return await self._reader.item(name)

    async def collection(self, name: str) -> CatalogCollection | None:
        """See ``CatalogReader``."""
        return await self._reader.collection(name)


async def discovered(reader: CatalogReader, **parts: Any) -> None:
    """Let discovery read a few pages: what they list is planned, kept, asked for. Raises the reader's last error."""
    world: Any = World({}, capacity=1000, **parts)
    world.catalog = watched = Watched(reader)
    bodies: list[str] = [(await world.begin()).encode()]
    for number in range(_MOST_DELIVERIES):
        if number == len(bodies):
            break
        await world.discovery().deliver(bodies[number].encode())
        bodies[1:] = world.queues.bodies("discover")
    if watched.error is not None:
        raise watched.error
